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
// credential. For check, it examines the entries as well.
func (s *Sources) remark(contents []byte, entries []core.Entry) {
	for i, line := range swallowed(contents) {
		if i == maxRemarks {
			s.logger.Warn(s.keyring.path + ": more such comments follow")
			break
		}
		s.logger.Warn(fmt.Sprintf("%s:%d: a comment has a credential in it; if two lines have run together, put the newline back between them", s.keyring.path, line))
	}
	if s.checks {
		s.expiries = s.examine(contents, entries, time.Now().Unix())
	}
}

// An Expiry says when a token of the keyring file expires.
type Expiry struct {
	Principal string
	Key       core.KeyID
	Line      int   // of the file
	Expires   int64 // a Unix second
}

// Expiries are what [Sources.Check] finds out about the tokens of the keyring file that
// expire.
type Expiries struct {
	// Expired are the first ten of the tokens that have expired. More is how many others
	// have.
	Expired []Expiry
	More    int
	// Next is the token that expires next, or nil if none does.
	Next *Expiry
}

// examine returns the expiries of an accepted keyring, and logs which entries can never
// match.
func (s *Sources) examine(contents []byte, entries []core.Entry, now int64) (x Expiries) {
	unmatchable := 0
	var lines []int // of the entries; most keyrings need none
	expiryOf := func(i int) Expiry {
		if lines == nil {
			lines = core.EntryLines(contents)
		}
		e := &entries[i]
		return Expiry{Principal: e.Principal, Key: e.Credential.KeyID(), Line: lines[i], Expires: e.Expires}
	}
	next := -1
	for i := range entries {
		e := &entries[i]
		switch {
		case Unmatchable(e.Credential):
			if unmatchable++; unmatchable <= maxRemarks {
				// A message must not show what looks like a token, and a long principal does.
				s.logger.Warn(fmt.Sprintf("%s:%d: the token can never match: the credential is the hash of a newline, not of a token", s.keyring.path, expiryOf(i).Line),
					"principal", e.Principal, "key", e.Credential.KeyID().String())
			}
		case e.Expires <= now && len(x.Expired) < maxRemarks:
			x.Expired = append(x.Expired, expiryOf(i))
		case e.Expires <= now:
			x.More++
		case e.Expires != core.Never && (next < 0 || e.Expires < entries[next].Expires):
			next = i
		}
	}
	if more := unmatchable - maxRemarks; more > 0 {
		s.logger.Warn(fmt.Sprintf("%s: %d more tokens can never match", s.keyring.path, more))
	}
	if next >= 0 {
		x.Next = new(expiryOf(next))
	}
	return x
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
