package keyringfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/regularfile"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestOthersWriteMeanwhile: while the keyring is edited, a shell appends lines to it,
// at once or after a while, and an editor replaces it. None of their lines is lost.
func TestOthersWriteMeanwhile(t *testing.T) {
	t.Parallel()
	const lines = 40
	for name, write := range map[string]func(path, line string) error{
		"a shell":      func(path, line string) error { return appendAfter(path, line, 0) },
		"a slow shell": func(path, line string) error { return appendAfter(path, line, time.Millisecond) },
		"an editor":    replaceWith,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), "")
			var stop atomic.Bool
			edits := 0
			var editing sync.WaitGroup
			editing.Go(func() {
				for ; !stop.Load(); edits++ {
					if err := Edit(t.Context(), path, adds(fmt.Sprintf("own%d", edits)), nil); err != nil {
						t.Error(err)
						return
					}
				}
			})
			for i := range lines {
				if err := write(path, line(fmt.Sprintf("theirs%d", i))+"\n"); err != nil {
					t.Error(err)
				}
				time.Sleep(rand.N(3 * time.Millisecond))
			}
			stop.Store(true)
			editing.Wait()
			contents := readString(t, path)
			for i := range lines {
				if !strings.Contains(contents, fmt.Sprintf("theirs%d ", i)) {
					t.Errorf("line %d of %s is lost after %d edits", i, name, edits)
				}
			}
			for i := range edits {
				if name != "an editor" && !strings.Contains(contents, fmt.Sprintf("own%d ", i)) {
					t.Errorf("line %d of %d edits is lost", i, edits)
				}
			}
			if edits == 0 {
				t.Error("nothing was edited")
			}
		})
	}
}

// appendAfter appends a line as a shell does with >>, and waits before it writes.
func appendAfter(path, line string, pause time.Duration) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	time.Sleep(pause)
	_, err = io.WriteString(f, line)
	return err
}

// replaceWith appends a line as an editor does that writes a new file. It is no slower
// than an editor can be, but may well undo what was done since it has read the file.
func replaceWith(path, line string) error {
	contents, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".swap", append(contents, line...), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".swap", path)
}

// TestOpenForWriting: an edit waits for a program that has the file open for writing.
func TestOpenForWriting(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Edit(t.Context(), path, adds("b"), nil) }()
	select {
	case err := <-done:
		t.Fatalf("it does not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := io.WriteString(f, line("c")+"\n"); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, want := readString(t, path), line("a")+"\n"+line("c")+"\n"+line("b")+"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// addUntilKilled adds lines, and prints the name of each on standard output.
func addUntilKilled(path string) error {
	for i := 0; ; i++ {
		name := fmt.Sprintf("p%d-%d", os.Getpid(), i)
		err := Edit(context.Background(), path, adds(name), func() error {
			_, err := os.Stdout.WriteString(name + "\n")
			return err
		})
		if err != nil {
			return err
		}
	}
}

// TestKilled: whenever a process is killed that edits the keyring, it is whole, with every
// line that was confirmed.
func TestKilled(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), "# mine\n")
	confirmed := 0
	for range 25 {
		c := child(t, "add", path)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 1)
		if _, err := io.ReadFull(out, first); err != nil { // it is editing now
			t.Fatal(err)
		}
		time.Sleep(rand.N(3 * time.Millisecond))
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it was killed
		contents := readString(t, path)
		if _, err := Parse([]byte(contents)); err != nil || !strings.HasPrefix(contents, "# mine\n") {
			t.Fatalf("%q, %v", contents, err)
		}
		for name := range strings.Lines(string(first) + string(rest)) {
			if confirmed++; !strings.Contains(contents, strings.TrimSuffix(name, "\n")+" ") {
				t.Fatalf("%q was confirmed and is not in the file", name)
			}
		}
	}
	text, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(text.Entries()) < confirmed {
		t.Errorf("%d lines are left of %d", len(text.Entries()), confirmed)
	}
	if err := Edit(t.Context(), path, adds("last"), nil); err != nil {
		t.Error(err)
	}
	if got := names(t, filepath.Dir(path)); !slices.Equal(got, []string{"keyring"}) {
		t.Errorf("the folder has %q", got)
	}
}

// TestSignals: a signal that comes while a change is being confirmed does not end the
// process before it is. One that comes earlier does, and nothing is changed.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
		early, err := child(t, fmt.Sprintf("early%d", sent), path).CombinedOutput()
		if err == nil || !strings.Contains(string(early), path+": interrupted; nothing was changed") {
			t.Errorf("%v, early: %s, %v", sent, early, err)
		}
		if err := isLeft(path, line("a")+"\n", "keyring"); err != nil {
			t.Errorf("%v, early: %v", sent, err)
		}
		late, err := child(t, fmt.Sprintf("late%d", sent), path).CombinedOutput()
		if err != nil || string(late) != "confirmed\n" {
			t.Errorf("%v, late: %s, %v", sent, late, err)
		}
		if err := isLeft(path, line("a")+"\n"+line("b")+"\n", "keyring"); err != nil {
			t.Errorf("%v, late: %v", sent, err)
		}
	}
}

// signalEarly sends the process a signal while the text is being changed.
func signalEarly(sent syscall.Signal) func(path string) error {
	return func(path string) error {
		return Edit(context.Background(), path, func(text *Text) error {
			return errors.Join(syscall.Kill(os.Getpid(), sent), sleep(), text.Append(entryOf("b", "b")))
		}, nil)
	}
}

// signalLate sends the process a signal before the change is confirmed.
func signalLate(sent syscall.Signal) func(path string) error {
	return func(path string) error {
		return Edit(context.Background(), path, adds("b"), func() error {
			_, err := os.Stdout.WriteString("confirmed\n")
			return errors.Join(syscall.Kill(os.Getpid(), sent), sleep(), err)
		})
	}
}

// sleep gives a signal time to arrive.
func sleep() error {
	time.Sleep(50 * time.Millisecond)
	return nil
}

// TestReaderHasGone: if nobody reads what confirm writes, the change is undone.
func TestReaderHasGone(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := child(t, "print", path)
	var said strings.Builder
	c.Stdout, c.Stderr = writer, &said
	if err := errors.Join(reader.Close(), c.Run(), writer.Close()); err == nil || !strings.Contains(said.String(), "broken pipe") {
		t.Errorf("%v: %s", err, said.String())
	}
	if err := isLeft(path, line("a")+"\n", "keyring"); err != nil {
		t.Error(err)
	}
}

func editAndPrint(path string) error {
	return Edit(context.Background(), path, adds("b"), func() error {
		_, err := os.Stdout.WriteString("b\n")
		return err
	})
}

// TestUndoWithoutExchange: the old text comes back where two files cannot change places.
func TestUndoWithoutExchange(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), "before\n")
	r := replacement{path: path, before: []byte("before\n"), old: regularfile.StateOf(path)}
	if err := r.write([]byte("after\n")); err != nil {
		t.Fatal(err)
	}
	tokentest.Rename(t, r.beside(), path)
	if err := r.undo(); err != nil {
		t.Error(err)
	}
	if err := isLeft(path, "before\n", "keyring"); err != nil {
		t.Error(err)
	}
}

// TestAccessListIsKept: whom setfacl has let read the old file may read the new one.
func TestAccessListIsKept(t *testing.T) {
	t.Parallel()
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), line("a")+"\n")
	// user::rw-, user:12345:r--, group::---, mask::r--, other::---, as acl(5) lays it out.
	list := []byte("\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x39\x30\x00\x00" +
		"\x04\x00\x00\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff")
	if err := unix.Setxattr(path, accessList, list, 0); err != nil {
		needtest.Missing(t, "the file system has no access lists: %v", err)
	}
	if err := Edit(t.Context(), path, adds("b"), nil); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1<<10)
	n, err := unix.Getxattr(path, accessList, got)
	if err != nil || string(got[:n]) != string(list) {
		t.Errorf("%q, %v", got[:max(n, 0)], err)
	}
}
