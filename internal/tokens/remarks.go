package tokens

import (
	"bytes"
	"fmt"
	"time"

	"github.com/concrete-security/auth-service/core"
)

// maxRemarks is how many entries of a keyring are remarked on one by one.
const maxRemarks = 10

// remark logs what is doubtful about an accepted keyring: comments that contain a
// credential and, for check, entries that let nobody pass.
func (s *Sources) remark(contents []byte, entries []core.Entry) {
	for i, line := range swallowed(contents) {
		if i == maxRemarks {
			s.logger.Warn(s.keyring.path + ": more such comments follow")
			break
		}
		s.logger.Warn(fmt.Sprintf("%s:%d: a comment has a credential in it; if two lines have run together, put the newline back between them", s.keyring.path, line))
	}
	if !s.checks {
		return
	}
	found := 0
	var lines []int // of the entries; most keyrings need none
	for i := range entries {
		e := &entries[i]
		var text string
		switch {
		case Unmatchable(e.Credential):
			text = "can never match: the credential is the hash of a newline, not of a token"
		case e.Expires <= time.Now().Unix():
			text = "expired at " + time.Unix(e.Expires, 0).UTC().Format(time.RFC3339)
		default:
			continue
		}
		if found++; found <= maxRemarks {
			if lines == nil {
				lines = core.EntryLines(contents)
			}
			// A message must not show what looks like a token, and a long principal does.
			s.logger.Warn(fmt.Sprintf("%s:%d: the token %s", s.keyring.path, lines[i], text), "principal", e.Principal, "key", e.Credential.KeyID())
		}
	}
	if more := found - maxRemarks; more > 0 {
		s.logger.Warn(fmt.Sprintf("%s: %d more tokens have expired or can never match", s.keyring.path, more))
	}
}

// lineEnds are the credentials that `echo $TOKEN | sha256sum` makes if the variable is
// not set.
var lineEnds = [...]core.Credential{core.CredentialOf([]byte("\n")), core.CredentialOf([]byte("\r\n"))}

// Unmatchable reports whether a credential can never match, because it is the hash of
// what no client can send.
func Unmatchable(c core.Credential) bool { return c == lineEnds[0] || c == lineEnds[1] }

// swallowed returns the lines whose comment may have swallowed another line: the
// comment has a credential, and more than a principal before it. A line that is
// commented out does not.
func swallowed(contents []byte) (lines []int) {
	number := 0
	for line := range bytes.Lines(contents) {
		number++
		start := bytes.IndexByte(line, '#')
		if start < 0 || len(lines) > maxRemarks {
			continue
		}
		before, digits, found := bytes.Cut(line[start:], []byte(" sha256:"))
		words := len(bytes.Fields(bytes.TrimLeft(before, "# \t")))
		isEntry := len(bytes.TrimSpace(line[:start])) > 0
		if found && (words > 1 || isEntry) && allHex(digits) {
			lines = append(lines, number)
		}
	}
	return lines
}

// allHex reports whether b begins with the digits of a credential.
func allHex(b []byte) bool {
	const digits = 2 * len(core.Credential{})
	return len(b) >= digits && len(bytes.Trim(b[:digits], "0123456789abcdefABCDEF")) == 0
}
