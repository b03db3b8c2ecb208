package setting

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"
)

func TestLasts(t *testing.T) {
	t.Parallel()
	wrong := Invalid("PORT: %q", "x")
	if !Lasts(wrong) || !Lasts(fmt.Errorf("start: %w", wrong)) || !Lasts(errors.Join(fs.ErrNotExist, wrong)) {
		t.Error("it is taken for what may pass")
	}
	if Lasts(fs.ErrNotExist) || Lasts(nil) {
		t.Error("what may pass is taken for what lasts")
	}
	if got := OneLine(errors.Join(wrong, fs.ErrNotExist)); got != `PORT: "x"; file does not exist` {
		t.Errorf("%q", got)
	}
}

func TestWholeNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"1": 1, "9": 9, " 5 ": 5, "0": -1, "10": -1, "": -1, "x": -1, "1.5": -1} {
		got, err := WholeNumber("N", value, 1, 9)
		if err == nil && got != want || err != nil && (want >= 0 || !Lasts(err)) {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"1ms": time.Millisecond, "24h": 24 * time.Hour, " 10s ": 10 * time.Second, "10": 0, "": 0, "999us": 0, "24h1ms": 0, "-1s": 0,
	} {
		got, err := Duration("T", value)
		if got != want || (err != nil) != (want == 0) || err != nil && !Lasts(err) {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}
