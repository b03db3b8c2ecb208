package tokens

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/setting"
)

// retryInterval is how soon a file is read again after a failure that may pass
// without a change of the file, such as a lack of descriptors.
const retryInterval = time.Second

// Watch reads the files again when they change, and all of them when a signal
// comes, until ctx is done. It hands each new keyring to use, which owns it from
// then on. Call it after [Sources.Load]. signals may be nil.
func (s *Sources) Watch(ctx context.Context, signals <-chan os.Signal, use func(*core.Keyring)) {
	var looks <-chan time.Time
	if s.tokenFile != nil || s.keyring != nil {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		looks = ticker.C
	}
	r := reloader{Sources: s, use: use}
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			r.reload(true, false)
		case now := <-looks:
			switch due := s.look(now); {
			case due:
				r.reload(false, false)
			case r.mayPass && now.Sub(r.attempt) >= retryInterval:
				r.reload(true, true)
			default:
				s.noteExpiry(time.Now())
			}
		}
	}
}

// reloader puts what the sources hold in force.
type reloader struct {
	*Sources
	use func(*core.Keyring)

	attempt time.Time // the latest
	failure string    // why it failed, or empty
	mayPass bool      // the failure may pass on its own
}

// reload reads the sources again: all of them, or those that changed. If a source
// fails, what was last read of it stays in force. If it fails again for the same
// reason, reload does not log that again.
func (r *reloader) reload(all, again bool) {
	now := time.Now()
	l := r.load(all)
	err := l.failure()
	r.attempt = now
	r.figures.reloaded(err == nil, time.Now())
	r.mayPass = mayPass(l.failures)
	failure := ""
	if err != nil {
		failure = setting.OneLine(err)
	}
	if failure != "" && (!again || failure != r.failure) {
		r.figures.failed(failure, now)
		r.logger.Error("reload failed; the last good tokens stay in force", "error", failure)
	}
	r.failure = failure
	if l.keyring == nil {
		return
	}
	before, summary := r.force.tokens, Summary(l.keyring, now)
	r.take(&l, now)
	r.use(l.keyring)
	if err == nil {
		r.logger.LogAttrs(context.Background(), slog.LevelInfo, "tokens reloaded", summary...)
	}
	if r.force.tokens < before {
		r.logger.Warn("there are fewer tokens than before", "before", before, "now", r.force.tokens)
	}
	r.assess()
}

// mayPass reports whether one of the failures comes from the system and may pass
// without a change of the file. A missing file is looked for anyway.
func mayPass(failures []error) bool {
	for _, err := range failures {
		if errors.As(err, new(syscall.Errno)) && !errors.Is(err, fs.ErrNotExist) && !setting.Lasts(err) {
			return true
		}
	}
	return false
}

// noteExpiry logs that the last token has expired.
func (s *Sources) noteExpiry(now time.Time) {
	usable := now.Unix() < s.force.until
	if s.force.usable && !usable {
		s.logger.Error("every token has expired: every request is refused")
	}
	s.force.usable = usable
}
