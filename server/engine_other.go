//go:build !linux

package server

import (
	"context"
	"net"
)

func (s *Server) serve(ctx context.Context, listeners []net.Listener) error {
	return s.servePortably(ctx, listeners)
}
