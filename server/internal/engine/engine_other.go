//go:build !linux

package server

import (
	"context"
	"net"
)

func (s *Server) serve(ctx context.Context, listeners []net.Listener) error {
	s.servePortably(ctx, listeners)
	return nil
}
