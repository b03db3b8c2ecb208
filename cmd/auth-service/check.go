package main

import (
	"fmt"
	"log/slog"
)

type checkCommand struct {
	settingFlags
}

// Run does what a start does, short of listening, and reports it.
func (c *checkCommand) Run(p *process) error {
	defer clear(p.token)
	s, err := c.parse()
	if err != nil {
		return err
	}
	logger := newLogger(p.stderr, slog.LevelWarn, s.logJSON)
	sources, err := newSources(s.sources, p.token, logger)
	if err != nil {
		return err
	}
	keyring, err := sources.load(logger)
	if err != nil {
		return err
	}
	defer keyring.Wipe()
	if !keyring.Usable() {
		return invalid("no usable token is configured: every request would be answered 500")
	}
	_, err = fmt.Fprintf(p.stdout, "ok: %d tokens of %d principals\n", keyring.Tokens(), len(keyring.Principals()))
	return err
}
