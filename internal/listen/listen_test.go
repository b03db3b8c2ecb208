package listen

import (
	"strconv"
	"testing"
)

func TestOrdinal(t *testing.T) {
	t.Parallel()
	for n, want := range []string{"0th", "first", "second", "third", "4th"} {
		if got := ordinal(n); n > 0 && got != want {
			t.Error(strconv.Itoa(n), got, want)
		}
	}
}
