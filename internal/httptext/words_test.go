package httptext_test

import (
	"net/http"
	"testing"

	"github.com/concrete-security/auth-service/internal/httptext"
)

func TestWords(t *testing.T) {
	t.Parallel()
	if httptext.TimeFormat != http.TimeFormat || httptext.MethodGet != http.MethodGet || httptext.MethodHead != http.MethodHead {
		t.Error("net/http has other words")
	}
	known := 0
	for status := range 1000 {
		if text := httptext.StatusText(status); text != "" {
			known++
			if text != http.StatusText(status) {
				t.Errorf("%d: %q, want %q", status, text, http.StatusText(status))
			}
		}
	}
	if known == 0 {
		t.Error("no status is known")
	}
}
