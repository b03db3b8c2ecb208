package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/concrete-security/auth-service/internal/admin"
	"github.com/concrete-security/auth-service/internal/limits"
	"github.com/concrete-security/auth-service/internal/plaintext"
	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

type serveCommand struct {
	settingFlags
}

// flushTime is how long the last log lines may take to be written.
const flushTime = time.Second

// reservedDescriptors are those that are not connections. The admin listener has
// admin.MaxConnections of its own.
const reservedDescriptors = 64

// Run serves until a signal stops it.
func (c *serveCommand) Run(ctx context.Context, p *process) error {
	defer clear(p.token)
	s, err := c.parse()
	if err != nil {
		return err
	}
	lines := newLineWriter(p.stderr)
	defer lines.flush(flushTime)
	logger := newLogger(lines, s.logLevel, s.logJSON, p.censor)
	if p.exposed != nil {
		logger.Warn(setting.OneLine(p.exposed))
	}
	sources, err := openSources(s.sources, p.token, logger)
	if err != nil {
		return err
	}
	// By default, a line for a reader of the log that has gone is the end.
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	notifyHangup(hangups) // early: by default it would end the process
	defer signal.Stop(hangups)
	started := time.Now()
	keyring, err := sources.Load(ctx)
	if err != nil {
		return err
	}
	// If the system refuses an address, it may be free or exist later.
	listeners, err := listenOn(ctx, s.endpoints)
	if err != nil {
		return fmt.Errorf("%s: %w", c.listenName(), err)
	}
	admins, err := listenOn(ctx, s.admin)
	if err != nil {
		closeAll(listeners)
		return fmt.Errorf("%s: %w", adminVariable, err)
	}
	if err := publish(slices.Concat(admins, listeners)); err != nil {
		closeAll(slices.Concat(admins, listeners))
		return fmt.Errorf("%s, %s: %w", c.listenName(), adminVariable, err)
	}

	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger.LogAttrs(ctx, slog.LevelInfo, "tokens loaded", tokens.Summary(keyring, started)...)
	loops := runtime.GOMAXPROCS(0)
	// One more, for all that is not a loop: a processor that is free keeps the
	// scheduler from taking a loop's away while that waits for events.
	runtime.GOMAXPROCS(loops + 1)
	srv := server.New(keyring, server.Options{
		Logger:         logger,
		Loops:          loops,
		HeadTimeout:    s.headTimeout,
		IdleTimeout:    s.idleTimeout,
		DrainTimeout:   s.drainTimeout,
		MaxConnections: connectionLimit(s.maxConnections, len(admins) > 0, logger),
		MaxHeldBytes:   limits.Held(memlimit.FromCgroup),
		Measure:        len(admins) > 0,
	})
	if len(admins) > 0 {
		defer serveAdmin(admins, newAdmin(ctx, srv.Usable, newRegistry(srv, sources.Reloads)), logger)()
		logger.Info("admin listener started", "listen", addresses(admins))
	}
	go sources.Watch(ctx, hangups, srv.SetKeyring)
	logger.Info("started", "listen", addresses(listeners), "version", version().Version)
	giveBackStart()
	// It fails if whoever started it does not ask to be told.
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

// openSources opens the sources of tokens, one of which may be the token in
// plaintext, and warns of what is doubtful about the settings.
func openSources(o tokens.Options, token []byte, logger *slog.Logger) (*tokens.Sources, error) {
	if len(token) > 0 && o.TokenFile != "" {
		return nil, setting.Invalid("%s and %s are both set; set one of them", tokenVariable, tokenFileVariable)
	}
	if o.MinLength < plaintext.MinLength {
		logger.Warn(fmt.Sprintf("%s is below %d: short tokens can be guessed", minLengthVariable, plaintext.MinLength), "minimum", o.MinLength)
	}
	if len(token) == 0 && o.TokenFile == "" && o.Keyring == "" {
		logger.Warn(fmt.Sprintf("%s is not set: every request is refused until it holds at least %d characters", tokenVariable, o.MinLength))
	}
	o.Token, o.Logger = token, logger
	return tokens.Open(o)
}

// hideSockets hides the sockets behind the listeners, so that no event loop can
// serve them.
func hideSockets(listeners []net.Listener) {
	for i, l := range listeners {
		listeners[i] = struct{ net.Listener }{l}
	}
}

// connectionLimit keeps the limit within what the system allows the process.
func connectionLimit(wanted int, hasAdmin bool, logger *slog.Logger) int {
	reserved := reservedDescriptors
	if hasAdmin {
		reserved += admin.MaxConnections
	}
	limit := limits.Connections(wanted, reserved)
	if limit < wanted {
		logger.Warn("MAX_CONNECTIONS is more than the limit of open files allows", "wanted", wanted, "limit", limit)
	}
	return limit
}
