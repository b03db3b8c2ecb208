package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// conditionInterval is how often a condition that lasts is logged.
const conditionInterval = 10 * time.Second

// conditions keep lasting conditions from filling the log. Each is logged on its
// own, once in conditionInterval.
type conditions struct {
	logger *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

// note logs a condition, unless it was logged within conditionInterval. name
// identifies it. There must be few names, and none may come from a client.
func (c *conditions) note(name, message string, attributes ...slog.Attr) {
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
		c.logger.LogAttrs(context.Background(), slog.LevelWarn, message, attributes...)
	}
}

// noteAcceptError logs why a connection cannot be accepted. name identifies the
// system's error.
func (e *Engine[S]) noteAcceptError(name, text string) {
	e.conditions.note("accept "+name, "cannot accept a connection",
		slog.String("error", text), slog.Int64("connections", e.connections.Load()))
}

func (e *Engine[S]) noteConnectionLimit() {
	e.conditions.note("connections", "connection limit reached",
		slog.Int("limit", e.options.MaxConnections))
}

func (e *Engine[S]) noteHeldLimit() {
	e.conditions.note("held bytes", "incomplete requests hold too much memory; the oldest are refused",
		slog.Int64("limit", e.options.MaxHeldBytes))
}
