package main

import (
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/internal/setting"
	"github.com/concrete-security/auth-service/internal/tokens"
)

const (
	tokenVariable     = "AUTH_SERVICE_TOKEN"
	tokenFileVariable = "AUTH_SERVICE_TOKEN_FILE"
	keyringVariable   = "AUTH_SERVICE_KEYRING"
	minLengthVariable = "MIN_AUTH_SERVICE_TOKEN_LEN"
)

// sourceFlags say where tokens come from.
type sourceFlags struct {
	TokenFile      string `env:"AUTH_SERVICE_TOKEN_FILE" placeholder:"PATH" help:"File that holds one token; read again when it changes."`
	Keyring        string `env:"AUTH_SERVICE_KEYRING" placeholder:"PATH" help:"File of named tokens, hashed; read again when it changes."`
	MinTokenLength string `env:"MIN_AUTH_SERVICE_TOKEN_LEN" default:"32" placeholder:"N" help:"Fewest characters that a plaintext token may have (${default})."`
}

// listenFlags say where the server listens.
type listenFlags struct {
	Host   string `env:"HOST" default:"0.0.0.0" help:"Address to listen on (${default})."`
	Port   string `env:"PORT" default:"8081" help:"TCP port to listen on (${default})."`
	Listen string `env:"LISTEN" placeholder:"LIST" help:"Where to listen, instead of HOST and PORT: a comma list of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd."`
}

func (f *listenFlags) endpoints() ([]endpoint, error) {
	if f.Listen != "" {
		return parseEndpoints(listenVariable, f.Listen)
	}
	port, err := setting.WholeNumber("PORT", f.Port, 0, 65535)
	if err != nil {
		return nil, err
	}
	return []endpoint{tcpEndpoint(f.Host, strconv.Itoa(port))}, nil
}

// listenName is what a mistake of endpoints' is to be told under.
func (f *listenFlags) listenName() string {
	if f.Listen != "" {
		return listenVariable
	}
	return "HOST, PORT"
}

// settingFlags are the flags of serve. They are strings, so that a value from
// the environment is refused under the variable's name.
type settingFlags struct {
	listenFlags
	AdminListen    string `env:"ADMIN_LISTEN" placeholder:"LIST" help:"Where to serve /metrics, /ready and /health of the service itself: a comma list of tcp://HOST:PORT and unix:///PATH?mode=0660. Off by default."`
	LogLevel       string `env:"LOG_LEVEL" default:"INFO" help:"DEBUG, INFO, WARNING, ERROR or CRITICAL (${default})."`
	LogFormat      string `env:"LOG_FORMAT" default:"text" help:"text or json (${default})."`
	HeadTimeout    string `env:"HEAD_TIMEOUT" default:"10s" help:"Time a client may take to send a request (${default})."`
	IdleTimeout    string `env:"IDLE_TIMEOUT" default:"75s" help:"Time a connection may be idle; longer than the proxy's (${default})."`
	DrainTimeout   string `env:"DRAIN_TIMEOUT" default:"5s" help:"Time that stopping may take (${default})."`
	MaxConnections string `env:"MAX_CONNECTIONS" default:"16384" help:"Most open connections; at the limit, the one that has been idle longest is closed (${default})."`
	sourceFlags
}

// variables are the environment variables that are read. They count as unset
// when they are empty.
var variables = []string{
	tokenFileVariable, keyringVariable, minLengthVariable,
	"HOST", "PORT", listenVariable, adminVariable, "LOG_LEVEL", "LOG_FORMAT",
	"HEAD_TIMEOUT", "IDLE_TIMEOUT", "DRAIN_TIMEOUT", "MAX_CONNECTIONS",
}

func unsetEmptyVariables() {
	for _, name := range variables {
		if value, set := os.LookupEnv(name); set && value == "" {
			_ = os.Unsetenv(name) // it fails for names that are none
		}
	}
}

// settings are settingFlags, understood.
type settings struct {
	endpoints      []endpoint
	admin          []endpoint
	logLevel       slog.Level
	logJSON        bool
	headTimeout    time.Duration
	idleTimeout    time.Duration
	drainTimeout   time.Duration
	maxConnections int
	sources        tokens.Options
}

func (f *settingFlags) parse() (s settings, err error) {
	if s.endpoints, err = f.endpoints(); err != nil {
		return s, err
	}
	if s.admin, err = f.adminEndpoints(s.endpoints); err != nil {
		return s, err
	}
	if s.logLevel, err = logLevel(f.LogLevel); err != nil {
		return s, err
	}
	switch strings.ToLower(f.LogFormat) {
	case "text":
	case "json":
		s.logJSON = true
	default:
		return s, setting.Invalid("LOG_FORMAT: %q is neither text nor json", f.LogFormat)
	}
	for _, timeout := range []struct {
		name, value string
		to          *time.Duration
	}{
		{"HEAD_TIMEOUT", f.HeadTimeout, &s.headTimeout},
		{"IDLE_TIMEOUT", f.IdleTimeout, &s.idleTimeout},
		{"DRAIN_TIMEOUT", f.DrainTimeout, &s.drainTimeout},
	} {
		if *timeout.to, err = setting.Duration(timeout.name, timeout.value); err != nil {
			return s, err
		}
	}
	if s.maxConnections, err = setting.WholeNumber("MAX_CONNECTIONS", f.MaxConnections, 1, 1<<20); err != nil {
		return s, err
	}
	s.sources, err = f.sourceFlags.parse()
	return s, err
}

func (f *sourceFlags) parse() (o tokens.Options, err error) {
	o.TokenFile, o.Keyring = f.TokenFile, f.Keyring
	o.Names = tokens.Names{Token: tokenVariable, TokenFile: tokenFileVariable, Keyring: keyringVariable}
	o.MinLength, err = setting.WholeNumber(minLengthVariable, f.MinTokenLength, 0, 1<<20)
	return o, err
}

// adminEndpoints are where the admin listener is, apart from the other ones.
func (f *settingFlags) adminEndpoints(others []endpoint) ([]endpoint, error) {
	if f.AdminListen == "" {
		return nil, nil
	}
	endpoints, err := parseEndpoints(adminVariable, f.AdminListen)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		switch {
		case e.network == systemdEndpoint:
			return nil, setting.Invalid("%s: the sockets that systemd passes on are those of %s", adminVariable, listenVariable)
		case slices.ContainsFunc(others, e.same):
			return nil, setting.Invalid("%s: %s is where authorization requests go already", adminVariable, e.address)
		}
	}
	return endpoints, nil
}
