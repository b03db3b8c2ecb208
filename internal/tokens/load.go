package tokens

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// A loading is the result of reading the sources.
type loading struct {
	// keyring has the tokens of all sources, or is nil if the keyring file failed.
	// The earlier keyring is known only by its digests, so it stays in force
	// unchanged.
	keyring *core.Keyring
	until   int64 // the Unix second at which the last token of keyring expires
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
	// startPatience is how long Load waits for such files.
	startPatience = 3 * time.Second
)

// Load reads the sources for the first time and returns a keyring of them, which
// the caller owns. It logs what is wrong without being an error. A broken file that
// has just been changed may be half written, so Load waits for it to become
// complete, for at most three seconds and no longer than ctx.
func (s *Sources) Load(ctx context.Context) (*core.Keyring, error) {
	started := time.Now()
	l := s.load(true)
	for l.fatal() != nil && s.fresh(time.Now()) && time.Since(started) < startPatience && ctx.Err() == nil {
		wait(ctx, lookInterval)
		if s.changed() {
			l = s.load(true)
		}
	}
	err := l.fatal()
	if s.mustExist {
		err = errors.Join(err, l.missing())
	}
	if err != nil {
		l.keyring.Wipe()
		return nil, err
	}
	for _, err := range l.failures {
		s.figures.failed(setting.OneLine(err), started)
		if errors.Is(err, fs.ErrNotExist) {
			s.logger.Error(setting.OneLine(err) + "; the file is read as soon as it exists")
		} else {
			s.logger.Warn(setting.OneLine(err))
		}
	}
	s.take(&l, started)
	s.assess()
	s.figures.loaded(started, len(l.failures) == 0)
	return l.keyring, nil
}

// Check reads the sources as [Sources.Load] does, but without patience, and logs
// which single tokens can never match. It returns the keyring that a start would use,
// with an error that names the files that are missing. If a start would fail, it
// returns only an error. It leaves it to the caller to say that every token has
// expired: [Sources.Expiries] tells which have.
func (s *Sources) Check() (*core.Keyring, error) {
	s.checks = true
	l := s.load(true)
	if err := l.fatal(); err != nil {
		l.keyring.Wipe()
		return nil, err
	}
	for _, err := range l.failures {
		if !errors.Is(err, fs.ErrNotExist) {
			s.logger.Warn(setting.OneLine(err))
		}
	}
	s.take(&l, time.Now())
	if s.empty {
		s.assess()
	}
	return l.keyring, l.missing()
}

// Expiries returns what Check has found out about the tokens that expire.
func (s *Sources) Expiries() Expiries { return s.expiries }

// OnlyExpired reads the sources and reports whether they hold tokens all of which have
// expired. If a file cannot be used, it reports false: a program that runs may have
// better tokens, which it read before.
func (s *Sources) OnlyExpired(now time.Time) bool {
	l := s.load(true)
	defer l.keyring.Wipe()
	return len(l.failures) == 0 && l.keyring.Tokens() > 0 && !l.keyring.CanGrant(now.Unix())
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// load reads the files. Unless all is set, it does not read an unchanged token
// file again.
func (s *Sources) load(all bool) (l loading) {
	if err := secret.Undisturbed(func() { l = s.read(all) }); err != nil {
		l.failures = append(l.failures, err)
	}
	if s.tokenFile != nil || s.keyring != nil {
		s.figures.looked(time.Now())
	}
	return l
}

// take notes what was loaded, which is in force from now on.
func (s *Sources) take(l *loading, now time.Time) {
	k := l.keyring
	s.force = force{tokens: k.Tokens(), until: l.until, usable: k.CanGrant(now.Unix())}
}

// assess logs that nobody can pass, or that the keyring file has no entry.
func (s *Sources) assess() {
	switch {
	case !s.force.usable && s.force.tokens > 0:
		s.logger.Error("every token has expired: every request is refused")
	case !s.force.usable && s.empty:
		s.logger.Error(s.keyring.name() + " has no entry: every request is refused")
	case s.empty:
		s.logger.Warn(s.keyring.name() + " has no entry: " + s.singleSource() + " is the only token")
	}
}

// Summary returns what a log says of a keyring: how many tokens and principals it
// has, and how many tokens have expired, if any.
func Summary(k *core.Keyring, now time.Time) []slog.Attr {
	attributes := []slog.Attr{slog.Int("tokens", k.Tokens()), slog.Int("principals", len(k.Principals()))}
	if expired := k.Expired(now.Unix()); expired > 0 {
		attributes = append(attributes, slog.Int("expired", expired))
	}
	return attributes
}
