package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

type checkCommand struct {
	settingFlags
}

// Run does what a start does, except listening, and reports the result. A missing
// file is a failure here; a start would wait for it.
func (c *checkCommand) Run(p *process) error {
	defer clear(p.token)
	s, err := c.parse()
	if err != nil {
		return err
	}
	logger := newLogger(p.stderr, slog.LevelWarn, s.logJSON, p.censor)
	sources, err := newSources(s.sources, p.token, logger)
	if err != nil {
		return err
	}
	sources.checks = true
	now := time.Now()
	loaded, err := sources.start(now)
	if err != nil {
		return err
	}
	k := loaded.keyring
	defer k.Wipe()
	switch missing := loaded.missing(); {
	case !k.Usable():
		return errors.Join(missing, invalid("no usable token is configured: every request would be answered 500"))
	case !k.CanGrant(now.Unix()):
		return errors.Join(missing, invalid("every token has expired: every request would be refused"))
	case missing != nil:
		return missing
	}
	_, err = fmt.Fprintf(p.stdout, "ok: %d tokens of %d principals\n", k.Tokens(), len(k.Principals()))
	return err
}
