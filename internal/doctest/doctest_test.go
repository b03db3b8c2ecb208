package doctest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	text := "# One\n\n```sh\n# no heading\na\n```\n\n## Two\n\n1. Do:\n\n   ```sh\n   b\n     c\n   ```\n\n```nginx\nd\n```\n"
	if err := os.WriteFile(page, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []Block{{"One", "sh", "# no heading\na\n"}, {"Two", "sh", "b\n  c\n"}, {"Two", "nginx", "d\n"}}
	if got := Blocks(t, page); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Commands(t, page, "Two"); !slices.Equal(got, []string{"b\n  c\n"}) {
		t.Errorf("%q", got)
	}
}

// TestTerminal: there is a terminal where it is said, and none where not.
func TestTerminal(t *testing.T) {
	t.Parallel()
	Both(t, func(t *testing.T, s *Shell) {
		s.Environment = []string{"GREETING=hello"}
		s.Program(t, "greet", `echo "$GREETING, $1"`)
		out := s.Run(t, "sleep 100 &", "greet world", "if [ -t 1 ] && : 2>/dev/null >/dev/tty; then echo terminal; else echo none; fi", "auth-service version")
		want := "hello, world\nnone\n"
		if strings.HasSuffix(t.Name(), "terminal") {
			want = "hello, world\nterminal\n"
		}
		if rest, ok := strings.CutPrefix(out, want); !ok || !strings.Contains(rest, "auth-service") {
			t.Errorf("%q, want %q", out, want)
		}
	})
}
