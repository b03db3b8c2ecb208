package cli

// A CommandLine is everything that a command line can say.
type CommandLine struct {
	Serve       Serve       `cmd:"" default:"withargs" help:"Answer authorization subrequests (the default command)."`
	Check       Check       `cmd:"" help:"Check the configuration and the keyring as a start would."`
	Token       Token       `cmd:"" help:"Make tokens and keyring lines."`
	Healthcheck Healthcheck `cmd:"" help:"Ask the configured listener whether it is healthy; exit status 0 or 1."`
	Version     Version     `cmd:"" help:"Print the version."`
}

// Serve is the command that answers subrequests.
type Serve struct{ SettingFlags }

// Check is the command that checks the configuration. It has the flags of serve.
type Check struct{ SettingFlags }

// Token is the group of commands for tokens.
type Token struct {
	New  TokenNew  `cmd:"" help:"Make a token; print it once, and its keyring line."`
	Hash TokenHash `cmd:"" help:"Read a token from standard input; print its keyring line."`
}

// TokenNew is the command that makes a token.
type TokenNew struct {
	EntryFlags
	JSON bool `help:"Print one JSON object with token and keyring_line."`
}

// TokenHash is the command that prints the keyring line of a token.
type TokenHash struct{ EntryFlags }

// Healthcheck is the command that asks a listener whether it is healthy.
type Healthcheck struct{ ListenFlags }

// Version is the command that prints the version.
type Version struct {
	JSON bool `help:"Print it as JSON."`
}

// SettingFlags are the flags of serve. They are strings, so that an error of a value
// from the environment names the variable.
type SettingFlags struct {
	ListenFlags
	AdminListen    string `env:"ADMIN_LISTEN" placeholder:"LIST" help:"Where to serve /metrics, /ready and /health of the service itself: a comma list of tcp://HOST:PORT and unix:///PATH?mode=0660. Off by default."`
	LogLevel       string `env:"LOG_LEVEL" default:"INFO" help:"DEBUG, INFO, WARNING, ERROR or CRITICAL (${default})."`
	LogFormat      string `env:"LOG_FORMAT" default:"text" help:"text or json (${default})."`
	HeadTimeout    string `env:"HEAD_TIMEOUT" default:"10s" help:"Time a client may take to send a request (${default})."`
	IdleTimeout    string `env:"IDLE_TIMEOUT" default:"75s" help:"Time a connection may be idle; longer than the proxy's (${default})."`
	DrainTimeout   string `env:"DRAIN_TIMEOUT" default:"5s" help:"Time that stopping may take (${default})."`
	Accept         string `env:"ACCEPT" default:"bearer" placeholder:"LIST" help:"Where a token may be: a comma list of bearer, basic and header:NAME, such as bearer,header:X-API-Key (${default})."`
	Realm          string `env:"REALM" placeholder:"TEXT" help:"Realm of the challenges. By default they name none, and that of Basic names auth-service."`
	Identity       string `env:"IDENTITY" default:"user" placeholder:"LIST" help:"What a 200 tells of the token's owner: a comma list of user, which is always told, scopes and key, for X-Auth-Request-User, -Scopes and -Key (${default})."`
	MaxConnections string `env:"MAX_CONNECTIONS" default:"16384" help:"Most open connections; at the limit, the one that has been idle longest is closed (${default})."`
	MaxHeaderBytes string `env:"MAX_HEADER_BYTES" default:"8192" placeholder:"N" help:"Largest request line, and largest sum of a request's fields, in bytes, from 8192 to 61440 (${default})."`
	SourceFlags
}

// ListenFlags say where the server listens.
type ListenFlags struct {
	Host   string `env:"HOST" default:"0.0.0.0" help:"Address to listen on (${default})."`
	Port   string `env:"PORT" default:"8081" help:"TCP port to listen on (${default})."`
	Listen string `env:"LISTEN" placeholder:"LIST" help:"Where to listen, instead of HOST and PORT: a comma list of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd."`
}

// SourceFlags say where tokens come from.
type SourceFlags struct {
	TokenFile      string `env:"AUTH_SERVICE_TOKEN_FILE" placeholder:"PATH" help:"File that holds one token; read again when it changes."`
	Keyring        string `env:"AUTH_SERVICE_KEYRING" placeholder:"PATH" help:"File of named tokens, hashed; read again when it changes."`
	MinTokenLength string `env:"MIN_AUTH_SERVICE_TOKEN_LEN" default:"32" placeholder:"N" help:"Fewest characters that a plaintext token may have (${default})."`
}

// EntryFlags are the parts of a keyring line beside the credential.
type EntryFlags struct {
	Principal string   `default:"default" help:"Whom the token stands for (${default})."`
	Scope     []string `help:"What it is good for; may be repeated. Without it the token has no scopes, with * it has any."`
	Expires   string   `placeholder:"WHEN" help:"When it stops working: an RFC 3339 time, or a time from now such as 90d or 12h."`
}
