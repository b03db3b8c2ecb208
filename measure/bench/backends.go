package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	anchorName  = "nginx"
	subjectName = "auth-service"
	oneLoopName = "auth-service-1-loop"
	floorCName  = "floor-c"
	floorGoName = "floor-go"
	akasName    = "akas"
	ceilingName = "none"
	pythonName  = "python"
	caddyName   = "caddy"
)

// column is one way of asking a backend.
type column struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	// Kept connections are used again (HTTP/1.1); else each subrequest has
	// a connection of its own (HTTP/1.0).
	Kept bool `json:"kept"`
	Unix bool `json:"unix"`
	// Direct is the number of connections on which wrk asks the backend itself, over
	// TCP. 0 is a column in which nginx asks, for each of wrk's 16 connections.
	Direct int `json:"direct,omitempty"`
}

// behindNginx tells the two kinds of columns apart.
func (c column) behindNginx() bool { return c.Direct == 0 }

var columns = []column{
	{Key: "keep-tcp", Name: "keep-alive, TCP", Kept: true},
	{Key: "keep-unix", Name: "keep-alive, unix", Kept: true, Unix: true},
	{Key: "once-tcp", Name: "connection per request, TCP"},
	{Key: "once-unix", Name: "connection per request, unix", Unix: true},
	{Key: "direct-16", Name: "16 connections", Kept: true, Direct: 16},
	{Key: "direct-100", Name: "100 connections", Kept: true, Direct: 100},
	{Key: "direct-1000", Name: "1,000 connections", Kept: true, Direct: 1000},
}

// backend is something that is asked for verdicts.
type backend struct {
	Name string
	What string
	// Plain programs are started by their path and read LISTEN; their memory
	// and their start are measured too.
	Plain bool
	// Blind backends answer 200 to every token.
	Blind bool
	// Monitored programs have Go's monitor thread, whose wake-ups are counted.
	Monitored bool
	columns   []string

	program string
	tcp     string // host:port
	socket  string // path; empty without a unix socket
	running *process
}

func (b *backend) answers(c column) bool { return slices.Contains(b.columns, c.Key) }

func (b *backend) answersUnix() bool {
	return slices.ContainsFunc(columns, func(c column) bool { return c.Unix && b.answers(c) })
}

func allBackends() []*backend {
	var front, direct []string
	for _, c := range columns {
		if c.Direct > 0 {
			direct = append(direct, c.Key)
		} else {
			front = append(front, c.Key)
		}
	}
	every := slices.Concat(front, direct)
	return []*backend{
		{Name: anchorName, What: "a second nginx, which answers 200 without looking at the token: the anchor", columns: every, Blind: true},
		{Name: subjectName, What: "this repository's server", columns: every, Plain: true, Monitored: true},
		{Name: oneLoopName, What: "the same with one event loop (`GOMAXPROCS=1`)", columns: direct, Monitored: true},
		{Name: floorCName, What: "an epoll loop in C that answers fixed bytes: the least that can answer over a socket", columns: every, Plain: true, Blind: true},
		{Name: floorGoName, What: "the same in Go, with raw system calls: the floor where there is no C compiler", columns: every, Plain: true, Blind: true, Monitored: true},
		{Name: "gnet", What: "gnet's event loop with the least of HTTP", columns: front, Plain: true, Monitored: true},
		{Name: akasName, What: "akas " + akasVersion + ", an API key server in Rust on actix, which looks up SHA-256(token) in a hash set", columns: []string{"keep-tcp", "once-tcp"}},
		{Name: "fasthttp", What: "a fasthttp server", columns: front, Plain: true, Monitored: true},
		{Name: "net/http", What: "a server of Go's standard library", columns: front, Plain: true, Monitored: true},
		{Name: caddyName, What: "Caddy, which compares the field with one value", columns: front},
		{Name: pythonName, What: "Python's http.server: one thread, HTTP/1.0", columns: []string{"once-tcp"}},
		{Name: ceilingName, What: "no auth_request at all: the ceiling", columns: []string{"keep-tcp"}, Blind: true},
	}
}

// fileName is a name that can stand in paths and in nginx' configuration.
func (b *backend) fileName() string { return strings.ReplaceAll(b.Name, "/", "") }

// place gives the backend its addresses in dir.
func (b *backend) place(ctx context.Context, dir string) error {
	if b.Name == ceilingName {
		return nil
	}
	var err error
	if b.tcp, err = freeAddress(ctx); err != nil {
		return err
	}
	if b.answersUnix() {
		b.socket = filepath.Join(dir, b.fileName()+".sock")
	}
	if b.Name != subjectName {
		return nil
	}
	help, err := exec.CommandContext(ctx, b.program, "serve", "--help").CombinedOutput()
	if err != nil {
		return fmt.Errorf("auth-service serve --help: %w\n%s", err, help)
	}
	if !strings.Contains(string(help), "--listen") { // it has TCP alone
		b.socket = ""
		b.columns = slices.DeleteFunc(slices.Clone(b.columns), func(key string) bool { return strings.HasSuffix(key, "unix") })
	}
	return nil
}

// environment tells a program its token and its addresses.
func (b *backend) environment() []string {
	host, port, _ := net.SplitHostPort(b.tcp)
	env := []string{tokenVariable + "=" + token, "HOST=" + host, "PORT=" + port}
	if b.Name == oneLoopName {
		env = append(env, "GOMAXPROCS=1")
	}
	if b.socket != "" {
		env = append(env, "LISTEN=tcp://"+b.tcp+",unix://"+b.socket)
	}
	return env
}

// launch starts a plain program. One that was killed has left its socket.
func (b *backend) launch(ctx context.Context, dir string) (*process, error) {
	if b.socket != "" {
		if err := os.Remove(b.socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return start(ctx, dir, b.fileName(), b.environment(), b.program)
}

// start starts the backend and waits until it answers.
func (b *backend) start(ctx context.Context, dir string) (err error) {
	switch {
	case b.Name == ceilingName:
		return nil
	case b.Plain || b.Name == oneLoopName:
		b.running, err = b.launch(ctx, dir)
	case b.Name == pythonName:
		b.running, err = start(ctx, dir, b.fileName(), b.environment(), "python3", "peers/python/server.py")
	case b.Name == caddyName:
		environment := append(b.environment(), "SOCKET="+b.socket, "HOME="+dir) // it keeps files there
		b.running, err = start(ctx, dir, b.fileName(), environment, "caddy", "run", "--adapter", "caddyfile", "--config", "peers/Caddyfile")
	case b.Name == akasName:
		return b.startAkas(ctx, dir)
	default:
		b.running, err = startNginx(ctx, dir, "anchor", 1, anchorConfiguration(b.tcp, b.socket))
	}
	if err != nil {
		return err
	}
	return b.running.ready(ctx, b.tcp)
}

// ready waits until the process accepts connections.
func (p *process) ready(ctx context.Context, address string) error {
	deadline := time.After(10 * time.Second)
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.exited:
			return p.failure(errors.New("it ended"))
		case <-deadline:
			return p.failure(err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freeAddress returns a loopback address that nobody listens on. Nothing holds
// it until its server does, but no connection is given it: its port lies below
// those that systems choose by themselves.
func freeAddress(ctx context.Context) (string, error) {
	for attempt := 1; ; attempt++ {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10000+rand.IntN(8000)))
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err == nil {
			return address, l.Close()
		}
		if attempt == 100 {
			return "", err
		}
	}
}
