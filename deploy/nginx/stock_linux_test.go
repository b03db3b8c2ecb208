package nginx_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// layout is how a package of nginx leaves /etc/nginx.
type layout struct {
	name string
	// defaultSite is the file with the server that comes with the package.
	defaultSite string
	// group is that of nginx's workers.
	group string
	// populate fills an empty /etc/nginx; installed is a copy of what was there.
	populate  func(t *testing.T, installed string)
	installed string
}

var layouts = []layout{
	{
		name:        "Debian",
		defaultSite: "/etc/nginx/sites-enabled/default",
		group:       "www-data",
		// Everything is as the package installs it, even if this machine's
		// administrator has added or disabled something.
		populate: func(t *testing.T, installed string) {
			t.Helper()
			copyFolder(t, "/etc/nginx", installed)
			for _, folder := range []string{"/etc/nginx/conf.d", "/etc/nginx/sites-enabled"} {
				if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o755)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/etc/nginx/sites-available/default", "/etc/nginx/sites-enabled/default"); err != nil {
				t.Fatal(err)
			}
		},
	},
	{
		name:        "nginx.org",
		defaultSite: "/etc/nginx/conf.d/default.conf",
		group:       "nginx",
		populate: func(t *testing.T, installed string) {
			t.Helper()
			copyFolder(t, "/etc/nginx", "testdata/nginx.org")
			types, err := os.ReadFile(filepath.Join(installed, "mime.types"))
			if err != nil {
				t.Fatal(err)
			}
			proxytest.WriteFile(t, "/etc/nginx/mime.types", string(types))
			if _, err := user.Lookup("nginx"); err == nil {
				return
			}
			for file, line := range map[string]string{
				"/etc/passwd": "nginx:x:65533:65533::/nonexistent:/usr/sbin/nologin\n",
				"/etc/group":  "nginx:x:65533:\n",
			} {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				cover(t, file, string(text)+line)
			}
		},
	},
}

func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestStock installs each example in a stock /etc/nginx. The package's own server
// must not answer instead of the example.
func TestStock(t *testing.T) {
	t.Parallel()
	if !alone(t) {
		return
	}
	if _, err := os.Stat("/etc/nginx/sites-available/default"); errors.Is(err, fs.ErrNotExist) {
		needtest.Missing(t, "the nginx that is installed is not Debian's")
	}
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		needtest.Missing(t, "no IPv6, without which Debian's default site does not start either")
	}
	listener.Close()
	installed := t.TempDir()
	copyFolder(t, installed, "/etc/nginx")
	for _, l := range layouts {
		l.installed = installed
		t.Run(l.name, func(t *testing.T) {
			t.Run("examples", l.testExamples)
			t.Run("port 80", l.testPort80)
			t.Run("original.conf", l.testOriginal)
		})
	}
}

// install puts an example into a stock /etc/nginx, unchanged except for the
// replacements.
func (l layout) install(t *testing.T, example string, replacements ...string) {
	t.Helper()
	for _, folder := range []string{"/etc/nginx", "/run", "/var/lib/nginx", "/var/log/nginx"} {
		mount(t, folder)
	}
	l.populate(t, l.installed)
	proxytest.Config(t, "/etc/nginx/conf.d", example, replacements...)
}

// start starts nginx as the package does, and what an example expects around it.
func (l layout) start(t *testing.T, example string) *proxytest.Site {
	t.Helper()
	site := &proxytest.Site{Address: "127.0.0.1:8080", Backend: proxytest.StartBackend(t)}
	relay(t, "127.0.0.1:8000", site.Backend.Address)
	environment := []string{proxytest.TokenVariable, proxytest.KeyringVariable(t)}
	if filepath.Base(example) == "unix.conf" {
		site.Service = l.serviceOnSocket(t, environment)
	} else {
		socket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8081})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = socket.Close() })
		site.Service = proxytest.StartServiceOnInherited(t, socket, environment...)
	}
	if filepath.Base(example) == "original.conf" {
		site.Address = "127.0.0.1:80"
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := os.ReadFile("/var/log/nginx/error.log")
			t.Logf("nginx wrote:\n%s", text)
		}
	})
	proxytest.Start(t, site.Address, nil, needtest.Program(t, "nginx"), "-g", "daemon off;")
	await(t, "nginx answers", func() bool { return answers(site.Address) })
	return site
}

// answers reports whether a worker of nginx answers. nginx opens one socket after the
// other, and starts its workers when all are open.
func answers(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	_, err = io.ReadFull(c, make([]byte, 1))
	return err == nil
}

// serviceOnSocket starts the service on the socket of unix.conf and lets nginx's
// workers use it.
func (l layout) serviceOnSocket(t *testing.T, environment []string) *proxytest.Service {
	t.Helper()
	const socket = "/run/auth-service/auth.sock"
	group, err := user.LookupGroup(l.group)
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(group.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	service := proxytest.StartServiceOnSocket(t, socket, environment...)
	if err := os.Chown(socket, -1, id); err != nil {
		t.Fatal(err)
	}
	return service
}

func (l layout) testExamples(t *testing.T) {
	checks := map[string]func(*testing.T, *proxytest.Site){
		"scopes.conf": checkScopes, "README, one location": checkREADME, "README, two locations": checkREADMEScopes,
	}
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			l.install(t, e.file, e.more...)
			site := l.start(t, e.file)
			// Otherwise this is not the layout that users have.
			if status := statusOf(t, "127.0.0.1:80", "GET / HTTP/1.1\r\nHost: localhost\r\n"); status != 200 {
				t.Errorf("the site that comes with the package answers with status %d", status)
			}
			checkEveryHost(t, site, e.path, "127.0.0.1:8080", "[::1]:8080")
			if check := checks[e.name]; check != nil {
				check(t, site)
			} else {
				checkVerdicts(t, site)
				site.CheckIdentity(t)
			}
		})
	}
}

// testPort80 runs the commands that the page has for port 80.
func (l layout) testPort80(t *testing.T) {
	commands := strings.ReplaceAll(commandsOf(t, "## Port 80"), layouts[0].defaultSite, l.defaultSite)
	l.install(t, "recommended.conf")
	site := l.start(t, "recommended.conf")
	shell(t, commands)
	for _, port := range []string{"127.0.0.1:8080", "[::1]:8080"} {
		await(t, "nginx has left "+port, func() bool {
			connection, err := net.Dial("tcp", port)
			if err == nil {
				connection.Close()
			}
			return err != nil
		})
	}
	checkEveryHost(t, site, "/", "127.0.0.1:80", "[::1]:80")
}

// testOriginal checks that original.conf works once the default site is removed, as
// the page says.
func (l layout) testOriginal(t *testing.T) {
	t.Run("beside the default site", func(t *testing.T) {
		l.install(t, "original.conf")
		site := l.start(t, "original.conf")
		if status := statusOf(t, site.Address, "GET / HTTP/1.1\r\nHost: localhost\r\n"); status != 200 {
			t.Errorf("status %d, and the page says that the default site answers", status)
		}
	})
	t.Run("alone", func(t *testing.T) {
		l.install(t, "original.conf")
		if err := os.Remove(l.defaultSite); err != nil {
			t.Fatal(err)
		}
		site := l.start(t, "original.conf")
		checkEveryHost(t, site, "/", site.Address)
		checkVerdicts(t, site)
	})
}

// statusOf completes a request whose head has no end yet, sends it, and returns the
// status.
func statusOf(t *testing.T, address, head string) int {
	t.Helper()
	return proxytest.Send(t, address, head+"Connection: close\r\n\r\n").Status
}

// heads are starts of requests that name a path and every kind of host.
var heads = []string{
	"GET %s HTTP/1.1\r\nHost: localhost\r\n",
	"GET %s HTTP/1.1\r\nHost: localhost:8080\r\n",
	"GET %s HTTP/1.1\r\nHost: LOCALHOST.\r\n",
	"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n",
	"GET %s HTTP/1.1\r\nHost: [::1]:8080\r\n",
	"GET %s HTTP/1.1\r\nHost: example.test\r\n",
	"GET %s HTTP/1.1\r\nHost: _\r\n",
	"GET http://localhost%s HTTP/1.1\r\nHost: example.test\r\n",
	"GET %s HTTP/1.0\r\n",
	"GET %s HTTP/1.0\r\nHost: localhost\r\n",
}

// checkEveryHost checks that the example's server answers whatever host a request
// names. The path needs a token.
func checkEveryHost(t *testing.T, site *proxytest.Site, path string, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		for _, head := range heads {
			head = fmt.Sprintf(head, path)
			before := site.Backend.Requests()
			if status := statusOf(t, address, head); status != 401 {
				t.Errorf("%s, %q without a token: status %d", address, head, status)
			}
			if reached := site.Backend.Requests() - before; reached != 0 {
				t.Errorf("%s, %q without a token reached the backend", address, head)
			}
			status := statusOf(t, address, head+proxytest.Bearer(proxytest.Token)+"\r\n")
			// Newer versions ask the backend by HTTP/1.1, which requires a Host.
			refused := status == 400 && !strings.Contains(head, "Host:")
			if reached := site.Backend.Requests() - before; (status != 200 || reached != 1) && !refused {
				t.Errorf("%s, %q with a token: status %d, and %d requests reached the backend", address, head, status, reached)
			}
		}
	}
}

// commandsOf returns the commands that the page has below a heading.
func commandsOf(t *testing.T, heading string) string {
	t.Helper()
	text := read(t, "README.md")
	_, section, found := strings.Cut(text, heading+"\n")
	_, block, opened := strings.Cut(section, "```sh\n")
	block, _, closed := strings.Cut(block, "```")
	if !found || !opened || !closed {
		t.Fatalf("no commands below %q", heading)
	}
	return block
}

// shell runs commands. It must not be called outside the namespaces.
func shell(t *testing.T, commands string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-ec", commands).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", commands, err, out)
	}
}
