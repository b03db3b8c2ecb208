package cli

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/listen"
	"github.com/concrete-security/auth-service/internal/logging"
	"github.com/concrete-security/auth-service/internal/setting"
)

// The variables that errors and the log name. Package cli's tests hold them against
// the model.
const (
	TokenVariable       = "AUTH_SERVICE_TOKEN"
	TokenFileVariable   = "AUTH_SERVICE_TOKEN_FILE"
	KeyringVariable     = "AUTH_SERVICE_KEYRING"
	MinLengthVariable   = "MIN_AUTH_SERVICE_TOKEN_LEN"
	ListenVariable      = "LISTEN"
	AdminListenVariable = "ADMIN_LISTEN"
)

// Settings are what SettingFlags say, understood.
type Settings struct {
	Endpoints      []listen.Endpoint
	Admin          []listen.Endpoint // none if there is no admin listener
	LogLevel       slog.Level
	LogJSON        bool
	HeadTimeout    time.Duration
	IdleTimeout    time.Duration
	DrainTimeout   time.Duration
	Accept         core.Accept
	Realm          string
	Identity       core.Identity
	MaxConnections int
	MaxHeaderBytes int
	Sources        Sources
}

// Sources are what SourceFlags say, understood. A path may be empty.
type Sources struct {
	TokenFile, Keyring string
	MinLength          int
}

// Settings returns the settings. An error names the first that is wrong.
func (f *SettingFlags) Settings() (s Settings, err error) {
	if s.Endpoints, err = f.Endpoints(); err != nil {
		return s, err
	}
	if s.Admin, err = f.adminEndpoints(s.Endpoints); err != nil {
		return s, err
	}
	if s.LogLevel, err = logging.Level("LOG_LEVEL", f.LogLevel); err != nil {
		return s, err
	}
	switch strings.ToLower(strings.TrimSpace(f.LogFormat)) {
	case "text":
	case "json":
		s.LogJSON = true
	default:
		return s, setting.Invalid("LOG_FORMAT: %q is neither text nor json", f.LogFormat)
	}
	for _, timeout := range []struct {
		name, value string
		to          *time.Duration
	}{
		{"HEAD_TIMEOUT", f.HeadTimeout, &s.HeadTimeout},
		{"IDLE_TIMEOUT", f.IdleTimeout, &s.IdleTimeout},
		{"DRAIN_TIMEOUT", f.DrainTimeout, &s.DrainTimeout},
	} {
		if *timeout.to, err = setting.Duration(timeout.name, timeout.value); err != nil {
			return s, err
		}
	}
	if s.Accept, err = core.ParseAccept(strings.TrimSpace(f.Accept)); err != nil {
		return s, setting.Invalid("ACCEPT: %w", err)
	}
	if s.Realm = strings.TrimSpace(f.Realm); s.Realm != "" {
		if err := core.CheckRealm(s.Realm); err != nil {
			return s, setting.Invalid("REALM: %w", err)
		}
	}
	if s.Identity, err = core.ParseIdentity(strings.TrimSpace(f.Identity)); err != nil {
		return s, setting.Invalid("IDENTITY: %w", err)
	}
	if s.MaxConnections, err = setting.WholeNumber("MAX_CONNECTIONS", f.MaxConnections, 1, 1<<20); err != nil {
		return s, err
	}
	if s.MaxHeaderBytes, err = setting.WholeNumber("MAX_HEADER_BYTES", f.MaxHeaderBytes, 8192, 61440); err != nil {
		return s, err
	}
	s.Sources = Sources{TokenFile: f.TokenFile, Keyring: f.Keyring}
	s.Sources.MinLength, err = setting.WholeNumber(MinLengthVariable, f.MinTokenLength, 0, 1<<20)
	return s, err
}

// Endpoints returns where the server listens.
func (f *ListenFlags) Endpoints() ([]listen.Endpoint, error) {
	if f.Listen != "" {
		return listen.Parse(ListenVariable, f.Listen)
	}
	port, err := setting.WholeNumber("PORT", f.Port, 0, 65535)
	if err != nil {
		return nil, err
	}
	return []listen.Endpoint{listen.TCP(f.Host, strconv.Itoa(port))}, nil
}

// ListenName is the setting that errors from the endpoints name.
func (f *ListenFlags) ListenName() string {
	if f.Listen != "" {
		return ListenVariable
	}
	return "HOST, PORT"
}

// adminEndpoints returns where the admin listener is. It must not be where the
// others are.
func (f *SettingFlags) adminEndpoints(others []listen.Endpoint) ([]listen.Endpoint, error) {
	if f.AdminListen == "" {
		return nil, nil
	}
	endpoints, err := listen.Parse(AdminListenVariable, f.AdminListen)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		switch {
		case e.Systemd():
			return nil, setting.Invalid("%s: the sockets that systemd passes on are those of %s", AdminListenVariable, ListenVariable)
		case slices.ContainsFunc(others, e.Same):
			return nil, setting.Invalid("%s: %s is where authorization requests go already", AdminListenVariable, e.Address)
		}
	}
	return endpoints, nil
}
