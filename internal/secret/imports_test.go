package secret

import (
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
)

// Package guard compiles into programs of others, which should need no third
// party's package for it.
func TestImports(t *testing.T) { deptest.Imports(t, "internal/secret", deptest.Standard) }
