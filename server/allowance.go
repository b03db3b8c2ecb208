package server

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// A flood costs at most burst lines and one summary in each window.
const (
	burst  = 20
	window = time.Second
)

// An allowance says which lines may be written, and sums up the others. Any number of
// goroutines may use it.
type allowance struct {
	logger  *slog.Logger
	summary string // the message of the line that sums up

	mu         sync.Mutex
	written    int
	windowOpen bool
	suppressed map[string]int // by kind
}

func newAllowance(logger *slog.Logger, summary string) *allowance {
	return &allowance{logger: logger, summary: summary, suppressed: map[string]int{}}
}

// admit reports whether a line may be written now, and counts it if not. There must be
// few kinds.
func (a *allowance) admit(kind string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.windowOpen {
		a.windowOpen = true
		time.AfterFunc(window, a.closeWindow)
	}
	if a.written < burst {
		a.written++
		return true
	}
	a.suppressed[kind]++
	return false
}

// closeWindow writes the summary of what was not logged in the window. It may be called
// before the window is over.
func (a *allowance) closeWindow() {
	a.mu.Lock()
	level := slog.LevelWarn
	if a.suppressed[core.Unconfigured.String()] > 0 { // as each of them would be
		level = slog.LevelError
	}
	var attributes []slog.Attr
	for _, kind := range slices.Sorted(maps.Keys(a.suppressed)) {
		attributes = append(attributes, slog.Int(kind, a.suppressed[kind]))
	}
	clear(a.suppressed)
	a.written = 0
	a.windowOpen = false
	a.mu.Unlock()
	if len(attributes) > 0 {
		a.logger.LogAttrs(context.Background(), level, a.summary, attributes...)
	}
}
