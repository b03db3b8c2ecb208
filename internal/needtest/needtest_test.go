package needtest_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// ended is a test that notes how it ends.
type ended struct {
	testing.TB
	how string
}

func (e *ended) Helper() {}

func (e *ended) Fatal(arguments ...any) { e.end("failed: " + fmt.Sprint(arguments...)) }

func (e *ended) Fatalf(format string, arguments ...any) {
	e.end("failed: " + fmt.Sprintf(format, arguments...))
}

func (e *ended) Skipf(format string, arguments ...any) {
	e.end("skipped: " + fmt.Sprintf(format, arguments...))
}

func (e *ended) end(how string) {
	e.how = how
	runtime.Goexit()
}

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		ci    string
		names []string
		how   string // it ends; a path is the result
	}{
		{"", []string{"go"}, ""},
		{"true", []string{"no-such-program", "go"}, ""},
		{"", []string{"no-such-program", "nor-this"}, "skipped: no-such-program, nor-this: not installed"},
		{"false", []string{"no-such-program"}, "skipped: no-such-program: not installed"},
		{"true", []string{"no-such-program"}, "failed: no-such-program: not installed"},
	} {
		t.Setenv("CI", c.ci)
		e := &ended{TB: t}
		var path string
		done := make(chan struct{})
		go func() {
			defer close(done)
			path = needtest.Program(e, c.names...)
		}()
		<-done
		found := strings.TrimSuffix(filepath.Base(path), ".exe") == "go"
		if e.how != c.how || found != (c.how == "") {
			t.Errorf("CI=%s, %q: %q, path %q; want %q", c.ci, c.names, e.how, path, c.how)
		}
	}
}
