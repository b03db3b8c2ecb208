package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

type tokenCommand struct {
	New  newTokenCommand  `cmd:"" help:"Make a token; print it once, and its keyring line."`
	Hash hashTokenCommand `cmd:"" help:"Read a token from standard input; print its keyring line."`
}

// entryFlags are the parts of a keyring line beside the credential.
type entryFlags struct {
	Principal string   `default:"default" help:"Whom the token stands for (${default})."`
	Scope     []string `help:"What it is good for; may be repeated. Without it the token has no scopes, with * it has any."`
	Expires   string   `placeholder:"WHEN" help:"When it stops working: an RFC 3339 time, or a time from now such as 90d or 12h."`
}

// line returns the keyring line of a token.
func (f *entryFlags) line(token []byte, now time.Time) (string, error) {
	entry := core.Entry{
		Principal: f.Principal, Credential: core.CredentialOf(token),
		Scopes: f.Scope, Expires: core.Never,
	}
	if !core.ValidPrincipal(f.Principal) {
		return "", invalid("--principal: %q is not 1 to 64 of A-Z a-z 0-9 . _ -", f.Principal)
	}
	if f.Expires != "" {
		expires, err := expiry(f.Expires, now)
		if err != nil {
			return "", err
		}
		entry.Expires = expires.Unix()
	}
	line := entry.String()
	// What the parser would refuse must not be handed out.
	if _, err := core.ParseKeyring([]byte(line)); err != nil {
		return "", invalid("--scope: %q is not a list of scopes, each of 1 to 64 printable ASCII characters without quote, comma and backslash, or * alone", strings.Join(f.Scope, ","))
	}
	return line, nil
}

const (
	day = 24 * time.Hour
	// maxLifetimeDays keeps a lifetime well within what a Duration can hold.
	maxLifetimeDays = 36500
)

func expiry(when string, now time.Time) (time.Time, error) {
	var expires time.Time
	if expires.UnmarshalText([]byte(when)) != nil {
		lifetime, err := time.ParseDuration(when)
		if days, isDays := strings.CutSuffix(when, "d"); isDays {
			var n int
			n, err = strconv.Atoi(days)
			lifetime = time.Duration(n) * day
			if n > maxLifetimeDays {
				return expires, invalid("--expires: %q is more than %dd", when, maxLifetimeDays)
			}
		}
		if err != nil {
			return expires, invalid("--expires: %q is neither an RFC 3339 time nor a time from now such as 90d or 12h", when)
		}
		expires = now.Add(lifetime)
	}
	if !expires.After(now) {
		return expires, invalid("--expires: %q is not in the future", when)
	}
	return expires, nil
}

type newTokenCommand struct {
	entryFlags
	JSON bool `help:"Print one JSON object with token and keyring_line."`
}

// Run prints a new token and its keyring line on standard output, the token
// nowhere else and never again.
func (c *newTokenCommand) Run(p *process) (err error) {
	disturbed := undisturbed.Run(func() { err = c.print(p.stdout) })
	return errors.Join(disturbed, err)
}

func (c *newTokenCommand) print(to io.Writer) error {
	token, err := newToken(rand.Reader)
	if err != nil {
		return err
	}
	defer core.Wipe(token)
	line, err := c.line(token, time.Now())
	if err != nil {
		return err
	}
	// Packages fmt and json would keep copies of the token in their buffers. append
	// would leave one behind if it had to grow this buffer.
	before, between, after := "", "\n", line+"\n"
	if c.JSON {
		quoted, err := json.Marshal(line)
		if err != nil {
			return err
		}
		// No byte of a token has to be escaped.
		before, between, after = `{"keyring_line":`+string(quoted)+`,"token":"`, "\"}\n", ""
	}
	out := make([]byte, 0, len(before)+len(token)+len(between)+len(after))
	defer core.Wipe(out[:cap(out)])
	out = append(append(out, before...), token...)
	out = append(append(out, between...), after...)
	_, err = to.Write(out)
	return err
}

const (
	tokenPrefix      = "as_"
	tokenRandomBytes = 32
	checksumDigits   = 6
	base62           = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newToken makes a token of 32 random bytes: "as_", these in base64url, and
// the CRC-32 (IEEE) of all that in base62, most significant digit first. The
// prefix lets a scanner find a leaked token, the checksum lets it be sure, and
// shows a human a mistyped one.
func newToken(random io.Reader) ([]byte, error) {
	var secret [tokenRandomBytes]byte
	defer core.Wipe(secret[:])
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return nil, fmt.Errorf("drawing a token: %w", err)
	}
	token := make([]byte, 0, 64)
	token = append(token, tokenPrefix...)
	token = base64.RawURLEncoding.AppendEncode(token, secret[:])
	return append(token, checksum(token)...), nil
}

func checksum(b []byte) []byte {
	digits := make([]byte, checksumDigits)
	sum := crc32.ChecksumIEEE(b)
	for i := range digits {
		digits[len(digits)-1-i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return digits
}

// mistyped reports whether a token has the form of newToken's but not its
// checksum.
func mistyped(token []byte) bool {
	body := len(tokenPrefix) + base64.RawURLEncoding.EncodedLen(tokenRandomBytes)
	return len(token) == body+checksumDigits && bytes.HasPrefix(token, []byte(tokenPrefix)) &&
		!bytes.Equal(checksum(token[:body]), token[body:])
}

type hashTokenCommand struct {
	entryFlags
}

// Run prints the keyring line of the token on standard input, which is not
// echoed where that is a terminal.
func (c *hashTokenCommand) Run(p *process) (err error) {
	disturbed := undisturbed.Run(func() { err = c.print(p) })
	return errors.Join(disturbed, err)
}

func (c *hashTokenCommand) print(p *process) error {
	token, err := readToken(p)
	defer core.Wipe(token)
	if err != nil {
		return err
	}
	if len(token) == 0 {
		return invalid("standard input holds no token")
	}
	if reason := unsendable(token); reason != "" {
		return invalid("the token %s", reason)
	}
	warnings := doubts(token)
	if utf8.RuneCount(token) < defaultMinLength {
		warnings = append(warnings, fmt.Sprintf("is shorter than %d characters; short tokens can be guessed", defaultMinLength))
	}
	for _, warning := range warnings {
		fmt.Fprintln(p.stderr, "auth-service: warning: the token", warning)
	}
	line, err := c.line(token, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, line)
	return err
}

// readToken reads the token and drops one line end behind it.
func readToken(p *process) ([]byte, error) {
	if fd := int(p.stdin.Fd()); term.IsTerminal(fd) {
		fmt.Fprint(p.stderr, "Token: ")
		token, err := readHidden(fd)
		fmt.Fprintln(p.stderr)
		return token, err
	}
	token, err := readAll(p.stdin, maxTokenFile, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	return withoutLineEnd(token), nil
}
