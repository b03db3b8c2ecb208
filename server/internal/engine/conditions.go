package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// conditionInterval is how often a condition that lasts is logged.
const conditionInterval = 10 * time.Second

// conditions keep lasting conditions from filling the log. Each is logged on its
// own, once in conditionInterval. The zero value is ready for use.
type conditions struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// note logs a condition, unless it was logged within conditionInterval. name
// identifies it. There must be few names, and none may come from a client.
func (c *conditions) note(logger *slog.Logger, name, message string, attributes ...slog.Attr) {
	c.mu.Lock()
	now := time.Now()
	last, noted := c.last[name]
	due := !noted || now.Sub(last) >= conditionInterval
	if due {
		if c.last == nil {
			c.last = map[string]time.Time{}
		}
		c.last[name] = now
	}
	c.mu.Unlock()
	if due {
		logger.LogAttrs(context.Background(), slog.LevelWarn, message, attributes...)
	}
}

// noteAcceptError logs why a connection cannot be accepted. name identifies the
// system's error.
func (s *Server) noteAcceptError(name, text string) {
	s.conditions.note(s.options.Logger, "accept "+name, "cannot accept a connection",
		slog.String("error", text), slog.Int64("connections", s.connections.Load()))
}

func (s *Server) noteConnectionLimit() {
	s.conditions.note(s.options.Logger, "connections", "connection limit reached",
		slog.Int("limit", s.options.MaxConnections))
}

func (s *Server) noteHeldLimit() {
	s.conditions.note(s.options.Logger, "held bytes", "incomplete requests hold too much memory; the oldest are refused",
		slog.Int64("limit", s.options.MaxHeldBytes))
}
