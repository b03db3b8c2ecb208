package server

import (
	"context"
	"log/slog"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// audit writes a log line for each decision, and for each request that is refused
// before there is one. Any number of goroutines may use it.
type audit struct {
	logger  *slog.Logger
	success bool // are these logged
	// A flood of the one must not hide the other.
	failures, refusals *allowance
}

func newAudit(logger *slog.Logger) *audit {
	return &audit{
		logger:   logger,
		success:  logger.Enabled(context.Background(), slog.LevelDebug),
		failures: newAllowance(logger, "more decisions than are logged one by one"),
		refusals: newAllowance(logger, "more refused requests than are logged one by one"),
	}
}

// end writes what was not logged one by one so far, which the process may not live to sum up
// in time.
func (a *audit) end() {
	a.failures.closeWindow()
	a.refusals.closeWindow()
}

// decided takes note of a decision on the request whose head is buf. Nothing
// of the Authorization field is ever part of a line.
func (a *audit) decided(d core.Decision, h *http1.Head, buf []byte, p peer) {
	level, message := slog.LevelWarn, "authentication failed"
	switch d.Reason {
	case core.Granted:
		if !a.success {
			return
		}
		level, message = slog.LevelDebug, "authentication succeeded"
	case core.Unconfigured:
		level, message = slog.LevelError, "no usable token is configured"
	}
	switch {
	case (d.Reason == core.Missing || d.Reason == core.Unconfigured) && asksItself(buf):
		if !a.success {
			return
		}
		level = slog.LevelDebug
	case !d.Granted() && !a.failures.admit(d.Reason.String()):
		return
	}
	a.write(level, message, d, h, buf, p)
}

func (a *audit) write(level slog.Level, message string, d core.Decision, h *http1.Head, buf []byte, p peer) {
	heard := listen(buf)
	if isForeign(h.Path.Of(buf)) {
		heard.listenToEnvoy(h, buf)
	}
	attributes := make([]slog.Attr, 0, 8)
	attributes = append(attributes, slog.String("reason", d.Reason.String()))
	if d.Principal != "" {
		attributes = append(attributes, slog.String("principal", d.Principal), slog.String("key", d.Key.String()))
	}
	attributes = append(attributes, slog.String("client", heard.client(p)))
	a.logger.LogAttrs(context.Background(), level, message, heard.appendTo(attributes)...)
}
