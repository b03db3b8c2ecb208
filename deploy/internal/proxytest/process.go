package proxytest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that is waited for.
const patience = 20 * time.Second

// log is what a process writes while a test reads it.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Process is a program in the foreground.
type Process struct {
	// Log is what it wrote to stdout and stderr.
	Log interface{ String() string }

	command *exec.Cmd
	ended   chan struct{}
}

// Start starts a program with the given environment beside the usual one and
// waits until the address takes connections. A path is the address of a unix
// socket. The program is stopped when the test ends.
func Start(tb testing.TB, address string, environment []string, program string, arguments ...string) *Process {
	tb.Helper()
	p, err := start(tb, nil, address, environment, program, arguments...)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func start(tb testing.TB, inherited []*os.File, address string, environment []string, program string, arguments ...string) (*Process, error) {
	tb.Helper()
	output := new(log)
	// Not the test's context: that is done before the clean-up stops the program.
	command := exec.CommandContext(context.Background(), program, arguments...)
	command.Stdout, command.Stderr = output, output
	command.Env = append(os.Environ(), environment...)
	command.ExtraFiles = inherited
	// Some programs leave children that hold their output open.
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &Process{Log: output, command: command, ended: make(chan struct{})}
	go func() {
		_ = command.Wait() // how it ended is told by what it wrote
		close(p.ended)
	}()
	tb.Cleanup(func() {
		p.stop()
		if tb.Failed() {
			tb.Logf("%s wrote:\n%s", program, tail(output.String()))
		}
	})
	return p, p.awaitAddress(tb.Context(), address)
}

func tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

func (p *Process) awaitAddress(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer net.Dialer
	for {
		c, err := dialer.DialContext(ctx, network(address), address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it listened on %s: %s", p.command.Path, address, tail(p.Log.String()))
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s", p.command.Path, address)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func network(address string) string {
	if strings.HasPrefix(address, "/") {
		return "unix"
	}
	return "tcp"
}

// Kill ends the process as a crash would, and waits for it.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	if err := p.command.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	<-p.ended
}

// Stop asks the process to end, and fails unless it does so with exit status 0.
func (p *Process) Stop(tb testing.TB) {
	tb.Helper()
	p.stop()
	if status := p.command.ProcessState.ExitCode(); status != 0 {
		tb.Errorf("%s ended with exit status %d: %s", p.command.Path, status, tail(p.Log.String()))
	}
}

func (p *Process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// ports that were given out in this process.
var ports sync.Map

// Port returns a TCP port that is free on the loopback address. It lies below
// those that the system gives to outgoing connections, so that none of these
// takes it before the program does that it is meant for.
func Port(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		port := strconv.Itoa(18000 + rand.IntN(14000))
		if _, taken := ports.LoadOrStore(port, true); taken {
			continue
		}
		listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			tb.Fatal(err)
		}
		return port
	}
	tb.Fatal("no free port")
	return ""
}

// Service is a running auth-service.
type Service struct {
	*Process
	// Address is what it listens on: HOST:PORT, or the path of a unix socket.
	Address string

	environment []string
	inherited   []*os.File
}

// StartService starts auth-service on a free port with the given environment.
func StartService(tb testing.TB, environment ...string) *Service {
	tb.Helper()
	return startService(tb, Port, environment)
}

func startService(tb testing.TB, free func(testing.TB) string, environment []string) *Service {
	tb.Helper()
	for attempt := 1; ; attempt++ {
		port := free(tb)
		s := &Service{
			Address:     "127.0.0.1:" + port,
			environment: append([]string{"HOST=127.0.0.1", "PORT=" + port}, environment...),
		}
		err := s.start(tb)
		if err == nil {
			err = s.awaitStarted()
		}
		// Another program may have taken the port since it was looked at.
		if err != nil && attempt < 5 && strings.Contains(err.Error(), syscall.EADDRINUSE.Error()) {
			continue
		}
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
}

// awaitStarted waits until the process says that it has started. If another program has
// its port, that one takes connections, while the process ends.
func (p *Process) awaitStarted() error {
	for begun := time.Now(); !started(p.Log.String()); time.Sleep(time.Millisecond) {
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %s", p.command.Path, tail(p.Log.String()))
		default:
		}
		if time.Since(begun) > patience {
			return fmt.Errorf("%s does not say that it has started: %s", p.command.Path, tail(p.Log.String()))
		}
	}
	return nil
}

// started reports whether a log, as text or JSON, says so.
func started(log string) bool {
	return strings.Contains(log, "msg=started") || strings.Contains(log, `"msg":"started"`)
}

// StartServiceOnSocket starts auth-service on a unix socket.
func StartServiceOnSocket(tb testing.TB, path string, environment ...string) *Service {
	tb.Helper()
	s := &Service{Address: path, environment: append([]string{"LISTEN=unix://" + path + "?mode=0660"}, environment...)}
	s.Again(tb)
	return s
}

// StartServiceOnInherited starts auth-service on a socket that stays open
// beyond it, passed on as systemd does (sd_listen_fds(3)).
func StartServiceOnInherited(tb testing.TB, socket *net.TCPListener, environment ...string) *Service {
	tb.Helper()
	file, err := socket.File()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Close() })
	s := &Service{
		Address:     socket.Addr().String(),
		environment: append([]string{"LISTEN=systemd", "LISTEN_FDS=1"}, environment...),
		inherited:   []*os.File{file},
	}
	s.Again(tb)
	return s
}

// Again starts the service as it was, after Kill or beside the running one.
func (s *Service) Again(tb testing.TB) {
	tb.Helper()
	if err := s.start(tb); err != nil {
		tb.Fatal(err)
	}
	// Another process may be what takes connections there.
	s.AwaitLog(tb, "msg=started")
}

func (s *Service) start(tb testing.TB) error {
	tb.Helper()
	program, err := binary()
	if err != nil {
		return err
	}
	if s.inherited == nil {
		s.Process, err = start(tb, nil, s.Address, s.environment, program)
		return err
	}
	// LISTEN_PID has to be that of the process itself.
	s.Process, err = start(tb, s.inherited, s.Address, s.environment, "/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, program)
	return err
}

// AwaitLog waits until the process has written the text.
func (p *Process) AwaitLog(tb testing.TB, text string) {
	tb.Helper()
	for begun := time.Now(); !strings.Contains(p.Log.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > patience {
			tb.Fatalf("no %q in what it wrote: %s", text, p.Log)
		}
	}
}

// Await waits until a condition holds.
func Await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for begun := time.Now(); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > patience {
			tb.Fatalf("waited for %s", what)
		}
	}
}
