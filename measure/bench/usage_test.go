package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const fields = " S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 100 1000 200\n"
	for _, name := range []string{"nginx", "a b", "a) S 1 (b"} {
		got, err := parseStat([]byte("42 (" + name + ")" + fields))
		if err != nil || got != 3*time.Second {
			t.Errorf("(%s): got %v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "42 (nginx)", "42 (nginx) S 1 2 3", "42 (nginx)" + strings.Replace(fields, "250", "x", 1)} {
		if got, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: got %v and no error", bad, got)
		}
	}
}

// The monitor is the thread after the first, by number: 1000 comes after 999.
func TestVoluntarySwitches(t *testing.T) {
	tasks := t.TempDir()
	for thread, switches := range map[int]int{998: 5, 999: 70, 1000: 900} {
		dir := filepath.Join(tasks, fmt.Sprint(thread))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		status := fmt.Sprintf("Name:\tx\nvoluntary_ctxt_switches:\t%d\nnonvoluntary_ctxt_switches:\t3\n", switches)
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A thread that ends between the list and its status counts for nothing.
	if err := os.Mkdir(filepath.Join(tasks, "2000"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, monitor, err := voluntarySwitches(tasks)
	if err != nil || all != 975 || monitor != 70 {
		t.Errorf("got %d, %d, %v", all, monitor, err)
	}
	if err := os.WriteFile(filepath.Join(tasks, "2000", "status"), []byte("Name:\tx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := voluntarySwitches(tasks); err == nil || !strings.Contains(err.Error(), "voluntary_ctxt_switches") {
		t.Errorf("a status without the line: %v", err)
	}
}
