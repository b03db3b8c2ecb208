package keyringfile

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
)

// A Text is the text of a keyring file: lines with entries, and the comments and blank
// lines between them. A change of one line leaves all others as they are.
type Text struct {
	lines   [][]byte // with their line ends
	entries []core.Entry
	at      []int // the line of each entry, counted from 0
}

// Parse reads the contents of a keyring file. An error is [core.ParseErrors]. The
// text keeps parts of the contents.
func Parse(contents []byte) (*Text, error) {
	entries, err := core.ParseKeyringFile(contents)
	if err != nil {
		return nil, err
	}
	t := &Text{entries: entries, at: core.EntryLines(contents)}
	for i := range t.at {
		t.at[i]--
	}
	t.lines = slices.Collect(bytes.Lines(contents))
	return t, nil
}

// Entries returns the entries in the order of the file. The caller must not change
// them.
func (t *Text) Entries() []core.Entry { return t.entries }

// Line returns the number of an entry's line, counted from 1.
func (t *Text) Line(entry int) int { return t.at[entry] + 1 }

// Append adds an entry at the end. An error of it is [core.ErrDuplicateCredential] if
// an entry with the same credential is there already, or says what is wrong with the
// entry.
func (t *Text) Append(e core.Entry) error {
	for i := range t.entries {
		if t.entries[i].Credential == e.Credential {
			return core.ErrDuplicateCredential
		}
	}
	line, err := e.AppendLine(nil)
	if err != nil {
		return err
	}
	t.at = append(t.at, len(t.lines))
	t.lines = append(t.lines, append(line, t.lineEnd()...))
	t.entries = append(t.entries, e)
	return nil
}

// lineEnd returns how the lines of the file end.
func (t *Text) lineEnd() string {
	if len(t.lines) > 0 && bytes.HasSuffix(t.lines[len(t.lines)-1], []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// Remove removes the entry with that number, and its line.
func (t *Text) Remove(entry int) {
	t.lines = slices.Delete(t.lines, t.at[entry], t.at[entry]+1)
	t.at = slices.Delete(t.at, entry, entry+1)
	for i := entry; i < len(t.at); i++ {
		t.at[i]--
	}
	t.entries = slices.Delete(t.entries, entry, entry+1)
}

// RemoveAll removes the entries with those numbers, which are in ascending order, and
// their lines. It takes no longer for all than for one.
func (t *Text) RemoveAll(entries []int) {
	if len(entries) == 0 {
		return
	}
	lines, kept, at := t.lines[:t.at[entries[0]]], t.entries[:entries[0]], t.at[:entries[0]]
	removed := 0
	for next := entries[0]; next < len(t.entries); next++ {
		// The lines before this entry's, which have no entry.
		from := len(lines) + removed
		lines = append(lines, t.lines[from:t.at[next]]...)
		if removed < len(entries) && entries[removed] == next {
			removed++
			continue
		}
		at = append(at, len(lines))
		lines, kept = append(lines, t.lines[t.at[next]]), append(kept, t.entries[next])
	}
	lines = append(lines, t.lines[len(lines)+removed:]...)
	core.WipeEntries(t.entries[len(kept):])
	t.lines, t.entries, t.at = lines, kept, at
}

// SetExpires sets the Unix second from which on the token of the entry with that
// number is denied. All else of its line stays as it is.
func (t *Text) SetExpires(entry int, seconds int64) error {
	if seconds == core.Never {
		return errors.New("an expiry can be moved, not removed")
	}
	line := withExpires(t.lines[t.at[entry]], seconds)
	if length := len(bytes.TrimRight(line, "\r\n")); length > core.MaxLine {
		return errors.New("with expires= the line has " + strconv.Itoa(length) + " bytes; at most " + strconv.Itoa(core.MaxLine) + " are allowed, so shorten its comment")
	}
	read, err := core.ParseKeyring(line)
	if err != nil {
		return err
	}
	t.lines[t.at[entry]] = line
	t.entries[entry].Expires = read[0].Expires
	return nil
}

// withExpires returns the line with that expiry in place of its own, or behind its
// last attribute.
func withExpires(line []byte, seconds int64) []byte {
	const name = "expires="
	attribute := name + time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	behind := 0 // the last attribute
	for start := 0; start < len(line); {
		if isSeparator(line[start]) {
			start++
			continue
		}
		if line[start] == '#' {
			break
		}
		end := start
		for end < len(line) && !isSeparator(line[end]) {
			end++
		}
		if behind = end; bytes.HasPrefix(line[start:end], []byte(name)) {
			return slices.Concat(line[:start], []byte(attribute), line[end:])
		}
		start = end
	}
	return slices.Concat(line[:behind], []byte(" "+attribute), line[behind:])
}

func isSeparator(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Bytes returns the text, in a buffer of its own.
func (t *Text) Bytes() []byte { return slices.Concat(t.lines...) }

// Wipe overwrites the credentials in the text.
func (t *Text) Wipe() {
	for _, line := range t.lines {
		secret.Wipe(line)
	}
	core.WipeEntries(t.entries)
}
