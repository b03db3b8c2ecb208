package http1

import (
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
)

// The package computes and does nothing else, like core.
func TestPurity(t *testing.T) {
	t.Parallel()
	deptest.Pure(t, "server/internal/http1", map[string][]string{
		"bytes": nil,
		"iter":  nil,
		"github.com/concrete-security/auth-service/internal/httptext": nil,
	})
	deptest.Pure(t, "internal/httptext", nil)
}
