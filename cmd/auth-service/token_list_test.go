package main

import (
	"bufio"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/keyringfile"
)

// TestTable: the columns are aligned, and the last one has no blanks behind it. A long
// cell is not cut.
func TestTable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 64)
	lines := []string{
		"a       sha256:" + strings.Repeat("0a", 28) + "00000001",
		"b       sha256:" + strings.Repeat("0b", 28) + "00000002 created=2026-11-24 expires=2026-11-25T15:30:45Z",
		"grafana sha256:" + strings.Repeat("0c", 28) + "00000003 expires=2026-12-07 scope=x,y # a comment",
		"d       sha256:" + strings.Repeat("0d", 28) + "00000004 scope=" + long,
	}
	text, err := keyringfile.Parse([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	l := tokenList{text: text, entries: []int{0, 1, 2, 3}, now: time.Date(2026, 11, 25, 15, 30, 45, 0, time.UTC), out: bufio.NewWriter(&out)}
	l.writeTable()
	if err := l.out.Flush(); err != nil {
		t.Fatal(err)
	}
	pad := strings.Repeat(" ", 40)
	want := "PRINCIPAL  KEY       " + ("SCOPES" + pad)[:40] + "  CREATED     EXPIRES                            STATE\n" +
		"a          0a0a0a0a  " + ("-" + pad)[:40] + "  -           never                              active\n" +
		"b          0b0b0b0b  " + ("-" + pad)[:40] + "  2026-11-24  now (2026-11-25T15:30:45Z)         expired\n" +
		"grafana    0c0c0c0c  " + ("x,y" + pad)[:40] + "  -           in 11 days (2026-12-07T00:00:00Z)  active\n" +
		"d          0d0d0d0d  " + long + "  -           never                              active\n"
	if out.String() != want {
		t.Errorf("\n%s\nwant\n%s", out.String(), want)
	}
}
