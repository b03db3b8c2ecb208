package core_test

import (
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
)

// allowed lists the packages that the core may import, and of those that can
// do more than compute, what it may use.
var allowed = map[string][]string{
	"bytes":           nil,
	"crypto/sha256":   nil,
	"encoding":        {"BinaryMarshaler", "BinaryUnmarshaler"},
	"encoding/binary": nil,
	"errors":          nil,
	"io":              {"Reader", "ReadFull"},
	"math":            nil,
	"math/bits":       nil,
	"slices":          nil,
	"strconv":         {"Itoa"},
	"strings":         nil,
	"time":            {"Date", "Month", "RFC3339", "UTC", "Unix"},
	"unicode/utf8":    nil,
}

// The core computes and does nothing else: no input or output, no clock, no
// goroutine, no state of a package.
func TestPurity(t *testing.T) { deptest.Pure(t, "core", allowed) }
