package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

const (
	question = "GET /auth HTTP/1.1\r\nHost: auth\r\nAuthorization: Bearer " + token + "\r\n\r\n"

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
	// TCP and Unix are what one caller at a time waits for an answer on a
	// kept connection, without nginx, in microseconds.
	TCP  spread  `json:"hop_tcp_us"`
	Unix *spread `json:"hop_unix_us,omitempty"`
	// Crowd is measured of auth-service alone, since it takes more than a minute.
	Crowd *afterCrowd `json:"after_crowd,omitempty"`
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
	if r.Connections, r.Idle, err = idle(ctx, s, r.Resident); err != nil {
		return r, err
	}
	if r.TCP, err = hop(ctx, "tcp", s.tcp); err != nil {
		return r, err
	}
	if s.socket != "" {
		unix, err := hop(ctx, "unix", s.socket)
		if err != nil {
			return r, err
		}
		r.Unix = &unix
	}
	if s.Name == subjectName {
		r.Crowd, err = b.crowd(ctx, s)
	}
	return r, err
}

// idle returns what each of n open connections adds to the resident memory,
// in bytes.
func idle(ctx context.Context, s *backend, before int) (n int, each float64, err error) {
	connections, err := open(ctx, s, connectionsAllowed(idleConnections))
	defer func() { hangUp(connections) }()
	if err != nil {
		return 0, 0, err
	}
	n = len(connections)
	time.Sleep(settling)
	full, err := s.running.resident()
	return n, float64(full-before) / float64(n), err
}

// hop asks again and again on one connection.
func hop(ctx context.Context, network, address string) (spread, error) {
	const batches, requests = 10, 1000
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return spread{}, err
	}
	defer func() { _ = c.Close() }()
	request := []byte(question)
	answer := make([]byte, 4096)
	means := make([]float64, 0, batches)
	for range batches {
		if ctx.Err() != nil {
			return spread{}, ctx.Err()
		}
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return spread{}, err
		}
		began := time.Now()
		for range requests {
			if _, err := c.Write(request); err != nil {
				return spread{}, err
			}
			n, err := c.Read(answer)
			if err != nil {
				return spread{}, err
			}
			// All of them send their answer in one piece.
			if !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")) {
				return spread{}, fmt.Errorf("the answer is %q", answer[:n])
			}
		}
		means = append(means, float64(time.Since(began).Nanoseconds())/1000/requests)
	}
	return spreadOf(means), nil
}

// connectionsAllowed is how many are wanted, or what the limit of descriptors leaves.
func connectionsAllowed(wanted uint64) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 500
	}
	return int(min(wanted, limit.Cur-min(limit.Cur, 200)))
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
	if _, err := io.WriteString(c, question); err != nil {
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
