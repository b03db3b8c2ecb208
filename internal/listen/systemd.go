package listen

import (
	"net"
	"os"
	"strconv"

	"github.com/concrete-security/auth-service/internal/setting"
)

// firstInherited is the first descriptor that systemd passes on (SD_LISTEN_FDS_START).
const firstInherited = 3

// inheritedListeners returns the sockets that systemd has opened (sd_listen_fds(3)).
func inheritedListeners() ([]net.Listener, error) {
	count := inherited()
	if count == 0 {
		return nil, setting.Invalid("systemd has passed no socket to this process (check LISTEN_PID)")
	}
	var listeners []net.Listener
	for i := range count {
		file := os.NewFile(uintptr(firstInherited+i), "LISTEN_FD_"+strconv.Itoa(firstInherited+i))
		l, err := net.FileListener(file) // a copy, which no child inherits
		_ = file.Close()
		if err == nil && isListening(l) {
			listeners = append(listeners, l)
			continue
		}
		if err == nil {
			_ = l.Close()
		}
		Close(listeners)
		return nil, setting.Invalid("the %s socket from systemd is not a listening stream socket", ordinal(i+1))
	}
	return listeners, nil
}

// inherited returns how many descriptors systemd has passed to this process. It
// removes the variables that say so, since the descriptors are taken only once.
func inherited() int {
	defer func() {
		for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
			_ = os.Unsetenv(name) // it fails only for what cannot be a name
		}
	}()
	pid, err := strconv.Atoi(os.Getenv("LISTEN_PID"))
	if err != nil || pid != os.Getpid() {
		return 0
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil {
		return 0
	}
	return max(count, 0)
}

func ordinal(n int) string {
	if n >= 1 && n <= 3 {
		return [...]string{"first", "second", "third"}[n-1]
	}
	return strconv.Itoa(n) + "th"
}
