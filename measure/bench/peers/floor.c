// The floor of the measurement: the least that can answer /auth over a socket.
// One edge-triggered epoll loop reads what arrives and sends fixed bytes. It looks
// at no token and parses nothing except whether the client speaks HTTP/1.0, which
// waits for the end of the connection. No server on this kernel's epoll can do less
// for a request, so what it uses is the kernel's share of every other server's time.
//
// A request must arrive in one piece, as those of nginx and wrk on the same machine
// do. Otherwise the connection is closed, and the measurement fails.
//
// LISTEN names the two addresses: tcp://127.0.0.1:PORT,unix://PATH
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { batch = 64, backlog = 4096 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static int listener(const struct sockaddr *address, socklen_t length) {
	int one = 1;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    bind(fd, address, length) < 0 || listen(fd, backlog) < 0)
		fail("listen");
	return fd;
}

static void watch(int loop, int fd, unsigned events) {
	struct epoll_event event = {.events = events, .data.fd = fd};
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
		fail("epoll_ctl");
}

// serve answers the request that has arrived. It reports whether the connection
// stays open.
static int serve(int fd) {
	char request[4096];
	ssize_t n = recv(fd, request, sizeof request, 0);
	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n < 4 || memcmp(request + n - 4, "\r\n\r\n", 4) != 0)
		return 0;
	const char *line_end = memchr(request, '\r', n);
	int old = line_end > request && line_end[-1] == '0';
	return send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) == sizeof answer - 1 && !old;
}

int main(void) {
	struct sockaddr_in tcp = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un unix_ = {.sun_family = AF_UNIX};
	const char *text = getenv("LISTEN");
	unsigned short port;
	if (!text || sscanf(text, "tcp://127.0.0.1:%hu,unix://%107s", &port, unix_.sun_path) != 2) {
		fputs("LISTEN must be tcp://127.0.0.1:PORT,unix://PATH\n", stderr);
		return 1;
	}
	tcp.sin_port = htons(port);
	int listeners[] = {listener((struct sockaddr *)&tcp, sizeof tcp),
	                   listener((struct sockaddr *)&unix_, sizeof unix_)};
	int loop = epoll_create1(EPOLL_CLOEXEC);
	if (loop < 0)
		fail("epoll_create1");
	watch(loop, listeners[0], EPOLLIN);
	watch(loop, listeners[1], EPOLLIN);
	for (;;) {
		struct epoll_event events[batch];
		int n = epoll_wait(loop, events, batch, -1);
		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == listeners[0] || fd == listeners[1]) {
				// The request has usually arrived with its connection.
				fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
				if (fd < 0)
					continue;
				if (serve(fd))
					watch(loop, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
				else
					close(fd);
			} else if (!serve(fd) || events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
				close(fd);
			}
		}
	}
}
