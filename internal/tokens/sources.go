package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

// sources are where tokens come from. They can be loaded any number of times.
type sources struct {
	logger    *slog.Logger
	minLength int // of a token in plaintext
	// environment is a keyring of AUTH_SERVICE_TOKEN alone, or an empty one.
	environment *core.Keyring
	// tokenFile and keyring are nil where they are not set.
	tokenFile, keyring *watched
	reloads            reloads

	fromFile     *core.Keyring // of the last good token of the token file, or nil
	tokenFailure error         // what is wrong with the present token file
	empty        bool          // the keyring file has no entry
	checks       bool          // this is check: log what is doubtful about single entries
}

// newSources salts and wipes the token of the environment, and logs what is
// wrong with it without being an error.
func newSources(s sourceSettings, token []byte, logger *slog.Logger) (*sources, error) {
	defer core.Wipe(token)
	if len(token) > 0 && s.tokenFile != "" {
		return nil, invalid("%s and %s are both set; set one of them", tokenVariable, tokenFileVariable)
	}
	src := &sources{
		logger: logger, minLength: s.minLength,
		tokenFile: newWatched(tokenFileVariable, s.tokenFile, maxTokenFile),
		keyring:   newWatched(keyringVariable, s.keyring, maxKeyringFile),
	}
	if s.minLength < defaultMinLength {
		logger.Warn(fmt.Sprintf("%s is below %d: short tokens can be guessed", minLengthVariable, defaultMinLength), "minimum", s.minLength)
	}
	if len(token) == 0 && s.tokenFile == "" && s.keyring == "" {
		logger.Warn(fmt.Sprintf("%s is not set: every request is refused until it holds at least %d characters", tokenVariable, s.minLength))
	}
	var err error
	disturbed := undisturbed.Run(func() {
		if len(token) > 0 {
			if unusable := src.judge(token, tokenVariable); unusable != nil {
				logger.Warn(unusable.Error())
				token = nil
			}
		}
		src.environment, err = core.NewKeyring(rand.Reader, token, nil)
	})
	return src, errors.Join(disturbed, err)
}

// judge returns why a token cannot be used, or nil. It logs what looks like a
// mistake in a usable token.
func (s *sources) judge(token []byte, source string) error {
	reason := unsendable(token)
	if reason == "" {
		reason = tooShort(token, s.minLength)
	}
	if reason != "" {
		return &unusableToken{source, reason}
	}
	for _, doubt := range doubts(token) {
		s.logger.Warn(source + " " + doubt)
	}
	return nil
}

// A loading is the result of reading the sources.
type loading struct {
	// keyring has the tokens of all sources, or is nil if the keyring file failed.
	// The service knows the earlier keyring only by its digests, so that stays in
	// force unchanged.
	keyring *core.Keyring
	// failures are what is wrong with the files, each with its path and, if it
	// has one, its line. If the token file failed, keyring has its last good token.
	failures []error
}

func (l *loading) failure() error { return errors.Join(l.failures...) }

// missing returns the failures of files that do not exist.
func (l *loading) missing() error {
	var missing []error
	for _, err := range l.failures {
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, err)
		}
	}
	return errors.Join(missing...)
}

// fatal returns the failures that end a start. A missing file and an unusable
// token are not among them: they count as not set.
func (l *loading) fatal() error {
	var fatal []error
	for _, err := range l.failures {
		if !errors.Is(err, fs.ErrNotExist) && !errors.As(err, new(*unusableToken)) {
			fatal = append(fatal, err)
		}
	}
	return errors.Join(fatal...)
}

const (
	// freshAge is the age up to which a broken file may be half written.
	freshAge = time.Second
	// startPatience is how long a start waits for such files.
	startPatience = 3 * time.Second
)

// start loads the sources for the first time, and logs failures that are not
// fatal, except for missing files if it checks. A broken file that has just been
// changed may be half written, so start waits for it to become complete.
func (s *sources) start(now time.Time) (loading, error) {
	l := s.load(true)
	for l.fatal() != nil && !s.checks && s.fresh(time.Now()) && time.Since(now) < startPatience {
		time.Sleep(lookInterval)
		if s.changed() {
			l = s.load(true)
		}
	}
	if err := l.fatal(); err != nil {
		l.keyring.Wipe()
		return loading{}, err
	}
	for _, err := range l.failures {
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case !missing:
			s.logger.Warn(oneLine(err))
		case !s.checks:
			s.logger.Error(oneLine(err) + "; the file is read as soon as it exists")
		}
	}
	s.assess(l.keyring, now)
	return l, nil
}

// load reads the files. Unless all is set, it does not read an unchanged token
// file again.
func (s *sources) load(all bool) (l loading) {
	if err := undisturbed.Run(func() { l = s.read(all) }); err != nil {
		l.failures = append(l.failures, err)
	}
	if s.tokenFile != nil || s.keyring != nil {
		s.reloads.looked(time.Now())
	}
	return l
}

func (s *sources) read(all bool) (l loading) {
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
		s.logger.Warn(s.singleSource() + " holds a token that is in " + keyringVariable + " too; the line there decides its scopes and expiry")
	}
	l.keyring = k
	return l
}

// singleSource names where the single token comes from.
func (s *sources) singleSource() string {
	if s.tokenFile != nil {
		return tokenFileVariable
	}
	return tokenVariable
}

// readTokenFile reads the token of the file, or notes why it cannot be used.
func (s *sources) readTokenFile() {
	contents, err := s.tokenFile.read()
	defer core.Wipe(contents)
	if err == nil {
		token := withoutLineEnd(contents)
		if err = s.judge(token, tokenFileVariable); err == nil {
			var k *core.Keyring
			if k, err = core.NewKeyring(rand.Reader, token, nil); err == nil {
				s.fromFile.Wipe()
				s.fromFile, s.tokenFile.taken = k, true
			}
		}
	}
	s.tokenFailure = err
}

// readKeyring returns the entries of the keyring file. The caller wipes them.
func (s *sources) readKeyring() ([]core.Entry, error) {
	contents, err := s.keyring.read()
	defer core.Wipe(contents)
	if err != nil {
		return nil, err
	}
	entries, err := core.ParseKeyringFile(contents)
	if wrong, ok := errors.AsType[core.ParseErrors](err); ok {
		lines := make([]error, len(wrong))
		for i, w := range wrong {
			lines[i] = invalid("%s: %s:%d: %s", keyringVariable, s.keyring.path, w.Line, w.Reason)
		}
		return nil, errors.Join(lines...)
	}
	if err != nil {
		return nil, err
	}
	s.keyring.taken, s.empty = true, len(entries) == 0
	s.remark(contents, entries)
	return entries, nil
}

// assess logs that nobody can pass, or that the keyring has no entry.
func (s *sources) assess(k *core.Keyring, now time.Time) {
	switch passable := k.CanGrant(now.Unix()); {
	case !passable && k.Tokens() > 0:
		s.logger.Error("every token has expired: every request is refused")
	case !passable && s.empty:
		s.logger.Error(keyringVariable + " has no entry: every request is refused")
	case s.empty:
		s.logger.Warn(keyringVariable + " has no entry: " + s.singleSource() + " is the only token")
	}
}

// oneLine returns the text of an error on one line, for the log.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// describe logs what was loaded.
func describe(logger *slog.Logger, message string, k *core.Keyring, now time.Time) {
	attributes := []any{slog.Int("tokens", k.Tokens()), slog.Int("principals", len(k.Principals()))}
	if expired := k.Expired(now.Unix()); expired > 0 {
		attributes = append(attributes, slog.Int("expired", expired))
	}
	logger.Info(message, attributes...)
}
