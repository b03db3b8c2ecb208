package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

const (
	crowdConnections = 10000
	// crowdLoads is how long the load is, in measurements: a minute, unless
	// -duration is set.
	crowdLoads = 20
	// crowdPatience is when the crowd counts as gone. The service gives memory back
	// after five seconds.
	crowdPatience = 8 * time.Second
)

// afterCrowd is what a server takes when much was asked of it.
type afterCrowd struct {
	Load        string `json:"load"` // how long it was
	Connections int    `json:"connections"`
	// Resident is the memory after the load, and after the connections, which were
	// open at the same time, have gone.
	Resident int `json:"resident_bytes"`
}

// name is what the figure is called.
func (c *afterCrowd) name() string {
	return fmt.Sprintf("memory after %s of load and %d connections that have gone", c.Load, c.Connections)
}

// crowd measures a server that is running.
func (b *bench) crowd(ctx context.Context, s *backend) (*afterCrowd, error) {
	load := crowdLoads * b.duration
	l, err := runLoad(ctx, b.dir, "http://"+s.tcp+"/auth", frontConnections, load, "")
	if err == nil && l.Errors > 0 {
		err = fmt.Errorf("%d errors", l.Errors)
	}
	if err != nil {
		return nil, fmt.Errorf("under load: %w", err)
	}
	connections, err := open(ctx, s, connectionsAllowed(crowdConnections))
	hangUp(connections)
	if err != nil {
		return nil, err
	}
	time.Sleep(crowdPatience)
	resident, err := s.running.resident()
	return &afterCrowd{load.String(), len(connections), resident}, err
}

// open opens n connections, each of which asks once. If it fails, it returns those
// that are open.
func open(ctx context.Context, s *backend, n int) (connections []net.Conn, err error) {
	for range n {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", s.tcp)
		if err != nil {
			return connections, err
		}
		connections = append(connections, c)
		if err := exchange(c); err != nil {
			return connections, fmt.Errorf("connection %d: %w", len(connections), err)
		}
	}
	return connections, nil
}

func hangUp(connections []net.Conn) {
	for _, c := range connections {
		_ = c.Close()
	}
}
