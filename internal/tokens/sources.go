package tokens

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// MaxKeyringFile is the largest keyring file that is read, in bytes.
const MaxKeyringFile = 64 << 20

// Options say where tokens come from. A program that has only a keyring file sets
// Keyring alone.
type Options struct {
	// Token is a token in plaintext. Open wipes it.
	Token []byte
	// TokenFile is the path of a file that holds one token in plaintext. Set it or
	// Token, not both.
	TokenFile string
	// MinLength is the fewest characters that a token in plaintext may have.
	MinLength int
	// Keyring is the path of a keyring file.
	Keyring string
	// MustExist makes a missing file an error of [Sources.Load]. By default a
	// missing file counts as empty, and is read as soon as it exists.
	MustExist bool
	// Names are what errors and the log call the sources.
	Names Names
	// Logger is the log. The default is [slog.Default].
	Logger *slog.Logger
}

// Names are the names of the settings that tokens come from. Errors and the log
// name a setting and its path. By default they name the path alone.
type Names struct{ Token, TokenFile, Keyring string }

// Sources are the places that tokens come from. Call [Sources.Load] or
// [Sources.Check] first, then [Sources.Watch].
type Sources struct {
	logger    *slog.Logger
	minLength int // of a token in plaintext
	mustExist bool
	checks    bool // examine the single entries
	// environment is a keyring of Options.Token alone, or an empty one.
	environment *core.Keyring
	tokenName   string // of Options.Token
	// tokenFile and keyring are nil where they are not set.
	tokenFile, keyring *watched
	figures            figures

	fromFile     *core.Keyring // of the last good token of the token file, or nil
	tokenFailure error         // what is wrong with the present token file
	empty        bool          // the keyring file has no entry
	force        force
	expiries     Expiries // if checks is set
}

// force is what has to be known of the keyring in force. The keyring itself is the
// caller's, who may have wiped it.
type force struct {
	tokens int
	until  int64 // the Unix second at which its last token expires
	usable bool  // it was usable when it was last looked at
}

// Open salts and wipes the token of the options, and logs what is wrong with it
// without being an error. It does not look at the files yet.
func Open(o Options) (*Sources, error) {
	defer secret.Wipe(o.Token)
	s := &Sources{
		logger: o.Logger, minLength: o.MinLength, mustExist: o.MustExist, tokenName: o.Names.Token,
		tokenFile: newWatched(o.Names.TokenFile, o.TokenFile, plaintext.MaxFile),
		keyring:   newWatched(o.Names.Keyring, o.Keyring, MaxKeyringFile),
	}
	if s.logger == nil {
		s.logger = slog.Default()
	}
	if s.tokenName == "" {
		s.tokenName = "the token"
	}
	var err error
	disturbed := secret.Undisturbed(func() {
		token := o.Token
		if len(token) > 0 {
			if unusable := s.judge(token, s.tokenName); unusable != nil {
				s.logger.Warn(unusable.Error())
				token = nil
			}
		}
		s.environment, err = keyringOf(token)
	})
	s.noteSources(len(o.Token) > 0, time.Now())
	return s, errors.Join(disturbed, err)
}

// noteSources notes where the tokens come from, for [Sources.Reloads].
func (s *Sources) noteSources(token bool, now time.Time) {
	if token {
		source := Source{Name: s.tokenName}
		if s.environment.Usable() {
			source.Read = now
		}
		s.figures.has(source)
	}
	for _, w := range []*watched{s.tokenFile, s.keyring} {
		if w != nil {
			s.figures.has(Source{Name: w.name(), Path: w.path})
		}
	}
}

// keyringOf returns the keyring of a token alone, and leaves nothing of the token
// on the stack.
func keyringOf(token []byte) (k *core.Keyring, err error) {
	secret.Do(func() { k, err = core.NewKeyring(rand.Reader, token, nil) })
	return k, err
}

// An unusableToken says that a token in plaintext cannot be used. The token then
// counts as not configured.
type unusableToken struct{ source, reason string }

func (e *unusableToken) Error() string { return e.source + " " + e.reason }

// judge returns why a token cannot be used, or nil. It logs what looks like a
// mistake in a usable token.
func (s *Sources) judge(token []byte, source string) error {
	reason := plaintext.Unsendable(token)
	if reason == "" {
		reason = plaintext.TooShort(token, s.minLength)
	}
	if reason != "" {
		return &unusableToken{source, reason}
	}
	for _, doubt := range plaintext.Doubts(token) {
		s.logger.Warn(source + " " + doubt)
	}
	return nil
}

// read reads the files. Unless all is set, it does not read an unchanged token
// file again.
func (s *Sources) read(all bool) (l loading) {
	base := s.environment
	if s.tokenFile != nil {
		if all || s.tokenFile.due {
			s.readTokenFile()
		}
		if s.fromFile != nil {
			base = s.fromFile
		}
		if s.tokenFailure != nil {
			l.failures = append(l.failures, s.tokenFailure)
		}
	}
	var entries []core.Entry
	defer func() { core.WipeEntries(entries) }()
	if s.keyring != nil {
		var err error
		if entries, err = s.readKeyring(); err != nil {
			l.failures = append(l.failures, err)
			if s.keyring.taken {
				return l
			}
		}
	}
	k, err := base.WithEntries(rand.Reader, entries)
	if err != nil {
		l.failures = append(l.failures, err)
		return l
	}
	if k.TokenInEntries() {
		s.logger.Warn(s.singleSource() + " holds a token that is in " + s.keyring.name() + " too; the line there decides its scopes and expiry")
	}
	l.keyring, l.until = k, lastExpiry(k, entries)
	return l
}

// lastExpiry returns the Unix second at which the last token of a keyring with
// these entries expires.
func lastExpiry(k *core.Keyring, entries []core.Entry) int64 {
	if k.Tokens() > len(entries) { // the single token is one of them
		return core.Never
	}
	last := int64(math.MinInt64)
	for i := range entries {
		last = max(last, entries[i].Expires)
	}
	return last
}

// singleSource names where the single token comes from.
func (s *Sources) singleSource() string {
	if s.tokenFile != nil {
		return s.tokenFile.name()
	}
	return s.tokenName
}

// readTokenFile reads the token of the file, or notes why it cannot be used.
func (s *Sources) readTokenFile() {
	contents, err := s.tokenFile.read()
	defer secret.Wipe(contents)
	if err == nil {
		s.tokenFile.noteWritable(s.logger)
		token := plaintext.WithoutLineEnd(contents)
		if err = s.judge(token, s.tokenFile.name()); err == nil {
			var k *core.Keyring
			if k, err = keyringOf(token); err == nil {
				s.fromFile.Wipe()
				s.fromFile, s.tokenFile.taken = k, true
				s.figures.read(s.tokenFile, time.Now())
			}
		}
	}
	s.tokenFailure = err
}

// readKeyring returns the entries of the keyring file. The caller wipes them.
func (s *Sources) readKeyring() ([]core.Entry, error) {
	contents, err := s.keyring.read()
	defer secret.Wipe(contents)
	if err != nil {
		return nil, err
	}
	s.keyring.noteWritable(s.logger)
	entries, err := core.ParseKeyringFile(contents)
	if wrong, ok := errors.AsType[core.ParseErrors](err); ok {
		lines := make([]error, len(wrong))
		for i, w := range wrong {
			lines[i] = setting.Invalid("%s%s:%d: %s", s.keyring.prefix(), s.keyring.path, w.Line, w.Reason)
		}
		return nil, errors.Join(lines...)
	}
	if err != nil {
		return nil, err
	}
	s.keyring.taken, s.empty = true, len(entries) == 0
	s.figures.read(s.keyring, time.Now())
	s.remark(contents, entries)
	return entries, nil
}
