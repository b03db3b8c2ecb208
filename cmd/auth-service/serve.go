package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/concrete-security/auth-service/internal/admin"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/limits"
	"github.com/concrete-security/auth-service/internal/listen"
	"github.com/concrete-security/auth-service/internal/logging"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// flushTime is how long the last log lines may take to be written.
const flushTime = time.Second

// reservedDescriptors are those that are not connections. The admin listener has
// admin.MaxConnections of its own.
const reservedDescriptors = 64

// serve answers subrequests until a signal stops it.
func serve(ctx context.Context, p *process, c *cli.Serve) error {
	defer clear(p.token)
	s, err := c.Settings(p.given)
	if err != nil {
		return err
	}
	format := logFormat(s.LogJSON, p.stderr)
	lines := logging.NewLineWriter(p.stderr, format)
	defer lines.Flush(flushTime)
	logger := logging.New(lines, s.LogLevel, format, p.censor)
	p.warn(logger, &c.ListenFlags)
	sources, err := openSources(p, s.Sources, logger)
	if err != nil {
		return err
	}
	// By default, the process would end when the reader of its log has gone.
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // early: by default it would end the process
	defer signal.Stop(hangups)
	started := time.Now()
	keyring, err := sources.Load(ctx)
	if err != nil {
		return err
	}
	listeners, admins, err := openListeners(ctx, p.given, c, s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger.LogAttrs(ctx, slog.LevelInfo, "tokens loaded", tokens.Summary(keyring, started)...)
	srv := server.New(keyring, server.Options{
		Logger:         logger,
		HeadTimeout:    s.HeadTimeout,
		IdleTimeout:    s.IdleTimeout,
		DrainTimeout:   s.DrainTimeout,
		Accept:         s.Accept,
		Realm:          s.Realm,
		Identity:       s.Identity,
		MaxConnections: connectionLimit(p.given, s.MaxConnections, len(admins) > 0, logger),
		MaxHeaderBytes: s.MaxHeaderBytes,
		MaxHeldBytes:   limits.Held(memlimit.FromCgroup),
		Measure:        len(admins) > 0,
	})
	if len(admins) > 0 {
		service := admin.Service{
			Server: srv, Reloads: sources.Reloads, Version: version().Version, Started: started, Draining: ctx, Censor: p.censor,
			Listeners: listen.Addresses(listeners), AdminListeners: listen.Addresses(admins),
		}
		defer service.Serve(admins, logger)()
		logger.Info("admin listener started", "listen", joined(admins))
	}
	go sources.Watch(ctx, hangups, srv.SetKeyring)
	logger.Info("started", "listen", joined(listeners), "version", version().Version)
	// This fails if nobody has asked to be notified.
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	if p.portable {
		hideSockets(listeners)
	}
	err = srv.Serve(ctx, listeners...)
	if err != nil {
		return fmt.Errorf("serving: %w", err)
	}
	logger.Info("stopped")
	return nil
}

// joined says where the listeners can be reached, for the log.
func joined(listeners []net.Listener) string { return strings.Join(listen.Addresses(listeners), ",") }

// logFormat returns the format of the log. The journal notes the time of a line itself,
// and asks for its priority.
func logFormat(json bool, to io.Writer) logging.Format {
	switch {
	case json:
		return logging.JSON
	case logging.ToJournal(to):
		return logging.Journal
	}
	return logging.Text
}

// openListeners opens all listeners, or none. An address that the system refuses
// may be free, or exist, later: that is no error in the configuration.
func openListeners(ctx context.Context, given cli.Given, c *cli.Serve, s cli.Settings) (listeners, admins []net.Listener, err error) {
	listeners, err = listen.Open(ctx, s.Endpoints)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Name(given), err)
	}
	admins, err = listen.Open(ctx, s.Admin)
	if err != nil {
		listen.Close(listeners)
		return nil, nil, fmt.Errorf("%s: %w", given.Name(cli.AdminListenVariable), err)
	}
	all := slices.Concat(admins, listeners)
	if err := listen.Publish(all); err != nil {
		listen.Close(all)
		return nil, nil, fmt.Errorf("%s, %s: %w", c.Name(given), given.Name(cli.AdminListenVariable), err)
	}
	return listeners, admins, nil
}

// warn logs what is doubtful about the process and its settings, except those of the
// tokens.
func (p *process) warn(logger *slog.Logger, listen *cli.ListenFlags) {
	if p.exposed != nil {
		logger.Warn(setting.OneLine(p.exposed))
	}
	for _, warning := range cli.UnknownVariables(os.Environ()) {
		logger.Warn(warning)
	}
	if warning := listen.Overridden(p.given); warning != "" {
		logger.Warn(warning)
	}
}

// openSources opens the sources of tokens, one of which may be the token in
// plaintext, and warns of what is doubtful about the settings.
func openSources(p *process, s cli.Sources, logger *slog.Logger) (*tokens.Sources, error) {
	names := tokens.Names{Token: cli.TokenVariable, TokenFile: p.given.Name(cli.TokenFileVariable), Keyring: p.given.Name(cli.KeyringVariable)}
	if len(p.token) > 0 && s.TokenFile != "" {
		return nil, setting.Invalid("%s and %s are both set; set one of them", names.Token, names.TokenFile)
	}
	if s.MinLength < plaintext.MinLength {
		logger.Warn(fmt.Sprintf("%s is below %d: short tokens can be guessed", p.given.Name(cli.MinLengthVariable), plaintext.MinLength), "minimum", s.MinLength)
	}
	if len(p.token) == 0 && s.TokenFile == "" && s.Keyring == "" {
		logger.Warn(fmt.Sprintf("%s is not set: every request is refused until it holds at least %s", names.Token, plaintext.Characters(s.MinLength)))
	}
	return tokens.Open(tokens.Options{
		Token: p.token, TokenFile: s.TokenFile, MinLength: s.MinLength, Keyring: s.Keyring, Logger: logger, Names: names,
	})
}

// hideSockets hides the sockets behind the listeners, so that no event loop can
// serve them.
func hideSockets(listeners []net.Listener) {
	for i, l := range listeners {
		listeners[i] = struct{ net.Listener }{l}
	}
}

// connectionLimit keeps the limit within what the system allows the process.
func connectionLimit(given cli.Given, wanted int, hasAdmin bool, logger *slog.Logger) int {
	reserved := reservedDescriptors
	if hasAdmin {
		reserved += admin.MaxConnections
	}
	limit := limits.Connections(wanted, reserved)
	if limit < wanted {
		logger.Warn(given.Name(cli.MaxConnectionsVariable)+" is more than the limit of open files allows", "wanted", wanted, "limit", limit)
	}
	return limit
}
