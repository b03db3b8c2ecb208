package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/logging"
	"github.com/concrete-security/auth-service/internal/setting"
)

// check does what a start does, except listening, and reports the result. A missing
// file is a failure here; a start would wait for it.
func check(p *process, c *cli.Check) error {
	defer clear(p.token)
	s, err := c.Settings(p.given)
	if err != nil {
		return err
	}
	logger := logging.New(p.stderr, slog.LevelWarn, s.LogJSON, p.censor)
	p.warn(logger, &c.ListenFlags)
	sources, err := openSources(p, s.Sources, logger)
	if err != nil {
		return err
	}
	k, missing := sources.Check()
	if k == nil {
		return missing
	}
	defer k.Wipe()
	switch {
	case !k.Usable():
		return errors.Join(missing, setting.Invalid("no usable token is configured: every request would be answered 500"))
	case !k.CanGrant(time.Now().Unix()):
		return errors.Join(missing, setting.Invalid("every token has expired: every request would be refused"))
	case missing != nil:
		return missing
	}
	_, err = fmt.Fprintf(p.stdout, "ok: %d tokens of %d principals\n", k.Tokens(), len(k.Principals()))
	return err
}
