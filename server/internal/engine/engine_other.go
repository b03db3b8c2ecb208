//go:build !linux

package engine

import (
	"context"
	"net"
)

func (e *Engine[S]) serve(ctx context.Context, listeners []net.Listener) error {
	e.servePortably(ctx, listeners)
	return nil
}
