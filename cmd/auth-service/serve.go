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
		logger.Warn(oneLine(p.exposed))
	}
	sources, err := newSources(s.sources, p.token, logger)
	if err != nil {
		return err
	}
	// By default, a line for a reader of the log that has gone is the end.
	signal.Ignore(syscall.SIGPIPE)
	hangups := make(chan os.Signal, 1)
	notifyHangup(hangups) // early: by default it would end the process
	defer signal.Stop(hangups)
	started := time.Now()
	loaded, err := sources.start(started)
	if err != nil {
		return err
	}
	sources.reloads.started(started, loaded.failure() == nil)
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
	describe(logger, "tokens loaded", loaded.keyring, started)
	loops := runtime.GOMAXPROCS(0)
	// One more, for all that is not a loop: a processor that is free keeps the
	// scheduler from taking a loop's away while that waits for events.
	runtime.GOMAXPROCS(loops + 1)
	srv := server.New(loaded.keyring, server.Options{
		Logger:         logger,
		Loops:          loops,
		HeadTimeout:    s.headTimeout,
		IdleTimeout:    s.idleTimeout,
		DrainTimeout:   s.drainTimeout,
		MaxConnections: connectionLimit(s.maxConnections, len(admins) > 0, logger),
		MaxHeldBytes:   heldLimit(memlimit.FromCgroup),
		Measure:        len(admins) > 0,
	})
	if len(admins) > 0 {
		defer serveAdmin(admins, newAdmin(ctx, srv.Usable, newRegistry(srv, &sources.reloads)), logger)()
		logger.Info("admin listener started", "listen", addresses(admins))
	}
	go sources.watch(ctx, hangups, srv)
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

// hideSockets hides the sockets behind the listeners, so that no event loop can
// serve them.
func hideSockets(listeners []net.Listener) {
	for i, l := range listeners {
		listeners[i] = struct{ net.Listener }{l}
	}
}

// connectionLimit keeps the limit within what the system allows the process.
func connectionLimit(wanted int, hasAdmin bool, logger *slog.Logger) int {
	descriptors, known := descriptorLimit()
	reserved := reservedDescriptors
	if hasAdmin {
		reserved += admin.MaxConnections
	}
	if !known || uint64(wanted+reserved) <= descriptors {
		return wanted
	}
	limit := max(1, int(descriptors)-reserved)
	logger.Warn("MAX_CONNECTIONS is more than the limit of open files allows", "wanted", wanted, "limit", limit)
	return limit
}
