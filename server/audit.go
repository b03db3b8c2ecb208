package server

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// A flood of failures costs at most auditBurst lines and one summary in each
// auditWindow.
const (
	auditBurst  = 20
	auditWindow = time.Second
)

// maxLogged is how much of what a client sent a log line may hold, in bytes.
const maxLogged = 256

// audit writes a log line for each decision. Any number of goroutines may use
// it.
type audit struct {
	logger  *slog.Logger
	success bool // are these logged

	mu         sync.Mutex
	written    int
	windowOpen bool
	suppressed [core.Reasons]int
}

func newAudit(logger *slog.Logger) *audit {
	return &audit{logger: logger, success: logger.Enabled(context.Background(), slog.LevelDebug)}
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
	if asksItself(h, buf) && (d.Reason == core.Missing || d.Reason == core.Unconfigured) {
		if !a.success {
			return
		}
		level = slog.LevelDebug
	} else if !d.Granted() && !a.admit(d.Reason) {
		return
	}
	attributes := make([]slog.Attr, 0, 4)
	attributes = append(attributes, slog.String("reason", d.Reason.String()))
	if d.Principal != "" {
		attributes = append(attributes, slog.String("principal", d.Principal))
	}
	attributes = append(attributes, slog.String("client", client(h, buf, p)))
	if uri := h.OriginalURI.Of(buf); len(uri) > 0 {
		uri, _, _ = bytes.Cut(uri, []byte{'?'})
		attributes = append(attributes, slog.String("uri", printable(uri)))
	}
	a.logger.LogAttrs(context.Background(), level, message, attributes...)
}

// asksItself reports whether a question is from the healthcheck of this program. A
// client may pretend that. All that a client hides is that it sent no token.
func asksItself(h *http1.Head, buf []byte) bool {
	return string(h.OriginalURI.Of(buf)) == httptext.HealthcheckURI
}

// client is the address that the proxy names, else the other end's. A client
// may have written those fields, so what is no address is not taken for one.
func client(h *http1.Head, buf []byte, p peer) string {
	if realIP := h.RealIP.Of(buf); isAddress(realIP) {
		return string(realIP)
	}
	first, _, _ := bytes.Cut(h.ForwardedFor.Of(buf), []byte{','})
	if first = httptext.Trim(first); isAddress(first) {
		return string(first)
	}
	return p.Address()
}

// isAddress reports whether b is an IP address, with a port or without.
func isAddress(b []byte) bool {
	if len(b) > len("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535") {
		return false
	}
	for _, c := range b { // no zone, which may be any text
		if !httptext.IsDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') && bytes.IndexByte([]byte(".:[]"), c) < 0 {
			return false
		}
	}
	// The digits are not copied, because a copy would stay in the error, and they may
	// be part of a secret.
	text := unsafe.String(unsafe.SliceData(b), len(b))
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	_, err := netip.ParseAddrPort(text)
	return err == nil
}

// printable cuts b at maxLogged bytes and escapes what could disturb a
// terminal or forge a line.
func printable(b []byte) string {
	const hexDigits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		if escaped := c < ' ' || c >= 0x7f || c == '\\'; escaped {
			if s.Len()+len(`\x00`) > maxLogged {
				break
			}
			s.WriteString(`\x`)
			s.WriteByte(hexDigits[c>>4])
			s.WriteByte(hexDigits[c&0xf])
			continue
		}
		if s.Len() == maxLogged {
			break
		}
		s.WriteByte(c)
	}
	return s.String()
}

// admit reports whether a line may be written now, and counts it if not.
func (a *audit) admit(r core.Reason) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.windowOpen {
		a.windowOpen = true
		time.AfterFunc(auditWindow, a.closeWindow)
	}
	if a.written < auditBurst {
		a.written++
		return true
	}
	a.suppressed[r]++
	return false
}

// closeWindow writes the summary of what was not logged in the window.
func (a *audit) closeWindow() {
	a.mu.Lock()
	suppressed := a.suppressed
	a.suppressed = [core.Reasons]int{}
	a.written = 0
	a.windowOpen = false
	a.mu.Unlock()

	var attributes []slog.Attr
	for reason, count := range suppressed {
		if count > 0 {
			attributes = append(attributes, slog.Int(core.Reason(reason).String(), count))
		}
	}
	if len(attributes) > 0 {
		a.logger.LogAttrs(context.Background(), slog.LevelWarn, "more decisions than are logged one by one", attributes...)
	}
}
