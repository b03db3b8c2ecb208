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
	TokenVariable          = "AUTH_SERVICE_TOKEN"
	TokenFileVariable      = "AUTH_SERVICE_TOKEN_FILE"
	KeyringVariable        = "AUTH_SERVICE_KEYRING"
	MinLengthVariable      = "MIN_AUTH_SERVICE_TOKEN_LEN"
	ListenVariable         = "LISTEN"
	AdminListenVariable    = "ADMIN_LISTEN"
	MaxConnectionsVariable = "MAX_CONNECTIONS"
	hostVariable           = "HOST"
	portVariable           = "PORT"
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

// Settings returns the settings. An error names the first that is wrong, in the way
// that it was given.
func (f *SettingFlags) Settings(given Given) (s Settings, err error) {
	if s.Endpoints, err = f.Endpoints(given); err != nil {
		return s, err
	}
	if s.Admin, err = f.adminEndpoints(given, s.Endpoints); err != nil {
		return s, err
	}
	if s.LogLevel, err = logging.Level(given.Name("LOG_LEVEL"), f.LogLevel); err != nil {
		return s, err
	}
	switch strings.ToLower(f.LogFormat) {
	case "text":
	case "json":
		s.LogJSON = true
	default:
		return s, setting.Invalid("%s: %q is neither text nor json", given.Name("LOG_FORMAT"), f.LogFormat)
	}
	for _, timeout := range []struct {
		variable, value string
		to              *time.Duration
	}{
		{"HEAD_TIMEOUT", f.HeadTimeout, &s.HeadTimeout},
		{"IDLE_TIMEOUT", f.IdleTimeout, &s.IdleTimeout},
		{"DRAIN_TIMEOUT", f.DrainTimeout, &s.DrainTimeout},
	} {
		if *timeout.to, err = setting.Duration(given.Name(timeout.variable), timeout.value); err != nil {
			return s, err
		}
	}
	if s.Accept, err = core.ParseAccept(f.Accept); err != nil {
		return s, setting.Invalid("%s: %w", given.Name("ACCEPT"), err)
	}
	if s.Realm = f.Realm; s.Realm != "" {
		if err := core.CheckRealm(s.Realm); err != nil {
			return s, setting.Invalid("%s: %w", given.Name("REALM"), err)
		}
	}
	if s.Identity, err = core.ParseIdentity(f.Identity); err != nil {
		return s, setting.Invalid("%s: %w", given.Name("IDENTITY"), err)
	}
	if s.MaxConnections, err = setting.WholeNumber(given.Name(MaxConnectionsVariable), f.MaxConnections, 1, 1<<20); err != nil {
		return s, err
	}
	if s.MaxHeaderBytes, err = setting.WholeNumber(given.Name("MAX_HEADER_BYTES"), f.MaxHeaderBytes, 8192, 61440); err != nil {
		return s, err
	}
	s.Sources, err = f.Sources(given)
	return s, err
}

// Sources returns where tokens come from.
func (f *SourceFlags) Sources(given Given) (s Sources, err error) {
	s = Sources{TokenFile: f.TokenFile, Keyring: f.Keyring}
	s.MinLength, err = setting.WholeNumber(given.Name(MinLengthVariable), f.MinTokenLength, 0, 1<<20)
	return s, err
}

// Endpoints returns where the server listens.
func (f *ListenFlags) Endpoints(given Given) ([]listen.Endpoint, error) {
	if f.Listen != "" {
		return listen.Parse(given.Name(ListenVariable), f.Listen)
	}
	host, err := listen.Host(f.Host)
	if err != nil {
		return nil, setting.Invalid("%s: %w", given.Name(hostVariable), err)
	}
	port, err := setting.WholeNumber(given.Name(portVariable), f.Port, 0, 65535)
	if err != nil {
		return nil, err
	}
	return []listen.Endpoint{listen.TCP(host, strconv.Itoa(port))}, nil
}

// Name is the setting that errors from the endpoints name.
func (f *ListenFlags) Name(given Given) string {
	if f.Listen != "" {
		return given.Name(ListenVariable)
	}
	return given.Name(hostVariable) + ", " + given.Name(portVariable)
}

// Overridden returns a warning if HOST or PORT are set and have no effect, or "".
func (f *ListenFlags) Overridden(given Given) string {
	if f.Listen == "" {
		return ""
	}
	var ignored []string
	for _, variable := range []string{hostVariable, portVariable} {
		if given.Has(variable) {
			ignored = append(ignored, given.Name(variable))
		}
	}
	switch len(ignored) {
	case 0:
		return ""
	case 1:
		return given.Name(ListenVariable) + " is set, so " + ignored[0] + " has no effect; unset one of them"
	}
	return given.Name(ListenVariable) + " is set, so " + strings.Join(ignored, " and ") + " have no effect; unset one or the others"
}

// AdminEndpoints returns where the admin listener is, or nothing if there is none.
func AdminEndpoints(given Given, list string) ([]listen.Endpoint, error) {
	if list == "" {
		return nil, nil
	}
	name := given.Name(AdminListenVariable)
	endpoints, err := listen.Parse(name, list)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(endpoints, listen.Endpoint.Systemd) {
		return nil, setting.Invalid("%s: the sockets that systemd passes on belong to %s; use tcp:// or unix://", name, ListenVariable)
	}
	return endpoints, nil
}

// adminEndpoints returns where the admin listener is. It must not be where the
// others are.
func (f *SettingFlags) adminEndpoints(given Given, others []listen.Endpoint) ([]listen.Endpoint, error) {
	endpoints, err := AdminEndpoints(given, f.AdminListen)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		if slices.ContainsFunc(others, e.Same) {
			return nil, setting.Invalid("%s: authorization requests go to %s already; choose another address", given.Name(AdminListenVariable), e.Address)
		}
	}
	return endpoints, nil
}
