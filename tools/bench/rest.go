package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	starts          = 20
	idleConnections = 5000
	settling        = 500 * time.Millisecond
)

// rest is what a server takes when it has nothing to do.
type rest struct {
	Backend string `json:"backend"`
	// Resident is the memory of a server that has answered one request.
	Resident int `json:"resident_bytes"`
	// Connections are held open, each after one request, and Idle is what
	// one of them adds to Resident.
	Connections int     `json:"idle_connections"`
	Idle        float64 `json:"idle_connection_bytes"`
	// First are the times from exec to the first 200, in milliseconds.
	First []float64 `json:"first_ms"`
}

// atRest measures a server that nothing has been asked of yet.
func (b *bench) atRest(ctx context.Context, s *backend) (r rest, err error) {
	r.Backend = s.Name
	for range starts {
		took, err := firstAnswer(ctx, b.dir, s)
		if err != nil {
			return r, err
		}
		r.First = append(r.First, float64(took.Microseconds())/1000)
	}
	if err := s.start(ctx, b.dir); err != nil {
		return r, err
	}
	defer func() {
		s.running.stop()
		s.running = nil
	}()
	if err := ask(ctx, s.tcp); err != nil {
		return r, err
	}
	time.Sleep(settling)
	if r.Resident, err = s.running.resident(); err != nil {
		return r, err
	}
	r.Connections = connectionsAllowed()
	connections := make([]net.Conn, 0, r.Connections)
	defer func() {
		for _, c := range connections {
			_ = c.Close()
		}
	}()
	for range r.Connections {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.tcp)
		if err != nil {
			return r, err
		}
		connections = append(connections, c)
		if err := exchange(c); err != nil {
			return r, fmt.Errorf("%s: connection %d: %w", s.Name, len(connections), err)
		}
	}
	time.Sleep(settling)
	full, err := s.running.resident()
	r.Idle = float64(full-r.Resident) / float64(r.Connections)
	return r, err
}

// connectionsAllowed is idleConnections, or what the limit of descriptors
// leaves.
func connectionsAllowed() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 500
	}
	return int(min(idleConnections, limit.Cur-min(limit.Cur, 200)))
}

// firstAnswer starts the server anew and returns how long it takes from exec
// to the first 200, asking without a pause.
func firstAnswer(ctx context.Context, dir string, s *backend) (time.Duration, error) {
	began := time.Now()
	p, err := s.launch(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	for ctx.Err() == nil {
		if err = ask(ctx, s.tcp); err == nil {
			return time.Since(began), nil
		}
		if time.Since(began) > 10*time.Second {
			return 0, p.failure(err)
		}
	}
	return 0, ctx.Err()
}

func ask(ctx context.Context, address string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return exchange(c)
}

// exchange sends a request for a verdict and reads the answer, which must be
// 200. It has a small buffer, for there are many connections.
func exchange(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET /auth HTTP/1.1\r\nHost: auth\r\nAuthorization: Bearer %s\r\n\r\n", token); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
