package cli

// A CommandLine is everything that a command line can say.
//
// Two tags are for the completions of shells alone: values lists values that the
// parser takes, or beginnings of them, and complete names what the keyring holds:
// principals, keys or both.
type CommandLine struct {
	Serve       Serve       `cmd:"" default:"withargs" help:"Answer authorization subrequests (the default command)."`
	Check       Check       `cmd:"" help:"Check the configuration and the keyring as a start would."`
	Token       Token       `cmd:"" help:"Make, list, revoke and verify tokens."`
	Healthcheck Healthcheck `cmd:"" help:"Ask the configured listener whether it is healthy; exit status 0 or 1."`
	Version     Version     `cmd:"" help:"Print the version."`
	Complete    Complete    `cmd:"" hidden:"" help:"Print words of the keyring for the completions of shells."`
	Help        Help        `cmd:"" help:"Show the help of a command."`
	ShowVersion bool        `name:"version" short:"v" help:"Print the version."`

	// Given says which settings of the command are set, and how.
	Given Given `kong:"-"`
}

// Serve is the command that answers subrequests.
type Serve struct{ SettingFlags }

// Check is the command that checks the configuration. It has the flags of serve.
type Check struct {
	SettingFlags
	JSON bool `help:"Print one JSON object, with the warnings and errors in it."`
}

// Token is the group of commands for tokens.
type Token struct {
	New    TokenNew    `cmd:"" help:"Make a token. With a keyring, add its line and print the token alone; without one, print both."`
	Add    TokenAdd    `cmd:"" help:"Read a token from standard input and add its line to the keyring."`
	List   TokenList   `cmd:"" help:"List the tokens of the keyring."`
	Revoke TokenRevoke `cmd:"" help:"Remove tokens from the keyring. A running service denies them within a second."`
	Rotate TokenRotate `cmd:"" help:"Make a token that replaces older ones: it has their scopes, and they expire after a time of grace."`
	Verify TokenVerify `cmd:"" help:"Read a token from standard input; say what the service would decide, and why; exit status 0 or 1."`
	Hash   TokenHash   `cmd:"" help:"Read a token from standard input; print its keyring line."`
}

// TokenNew is the command that makes a token.
type TokenNew struct {
	KeyringFlag
	EntryFlags
	JSON bool `help:"Print one JSON object."`
}

// TokenAdd is the command that adds the token on standard input to the keyring.
type TokenAdd struct {
	KeyringFlag
	EntryFlags
	JSON bool `help:"Print one JSON object."`
}

// TokenList is the command that lists the tokens of the keyring.
type TokenList struct {
	KeyringFlag
	Tokens []string `arg:"" optional:"" name:"principal|keyid" complete:"principals,keys" help:"Whose tokens, or the key id of one; by default all."`
	JSON   bool     `help:"Print a JSON array of objects."`
}

// TokenRevoke is the command that removes tokens from the keyring.
type TokenRevoke struct {
	KeyringFlag
	Tokens []string `arg:"" optional:"" name:"principal|keyid" complete:"principals,keys" help:"Whose tokens, or the key id of one."`
	All    bool     `help:"Remove every token."`
}

// TokenRotate is the command that replaces the tokens of a principal.
type TokenRotate struct {
	KeyringFlag
	Token   string  `arg:"" name:"principal|keyid" complete:"principals,keys" help:"Whose tokens, or the key id of one."`
	Grace   string  `default:"7d" placeholder:"TIME" values:"0,12h,7d" help:"How long the older tokens still work, such as 12h, 7d or 0 (${default})."`
	Expires *string `placeholder:"WHEN" values:"12h,30d,90d,1y" help:"When the new token stops working: a date, an RFC 3339 time, or a time from now such as 12h, 90d, 2w or 1y. By default it lasts as long as the older one did from its created= to its expires=."`
	JSON    bool    `help:"Print one JSON object."`
}

// TokenVerify is the command that decides on a token as the service would.
type TokenVerify struct {
	SourceFlags
	Scope []string `help:"What the request needs; may be repeated."`
	JSON  bool     `help:"Print one JSON object."`
}

// TokenHash is the command that prints the keyring line of a token.
type TokenHash struct{ EntryFlags }

// Healthcheck is the command that asks a listener whether it is healthy.
type Healthcheck struct {
	ListenFlags
	AdminListen string `env:"ADMIN_LISTEN" placeholder:"LIST" values:"tcp://,unix:///" help:"Where to ask whether somebody can pass: a comma list of tcp://HOST:PORT and unix:///PATH."`
	SourceFlags
	Ready bool `help:"Ask whether somebody can pass: whether there is a token that has not expired."`
}

// Version is the command that prints the version.
type Version struct {
	JSON bool `help:"Print it as JSON."`
}

// Complete is the command that the completions of shells call. Help does not show it.
type Complete struct {
	KeyringFlag
	What string `arg:"" enum:"principals,keys" help:"principals or keys."`
}

// Help is the command that shows the help of another. The parser does so itself.
type Help struct {
	Command []string `arg:"" optional:"" help:"The command, such as token new."`
}

// SettingFlags are the flags of serve. They are strings, so that an error of a value
// from the environment names the variable.
type SettingFlags struct {
	ListenFlags
	AdminListen    string `env:"ADMIN_LISTEN" placeholder:"LIST" values:"tcp://,unix:///" help:"Where to serve a status page at /, and /metrics, /ready and /health of the service itself: a comma list of tcp://HOST:PORT and unix:///PATH?mode=0660. Off by default."`
	LogLevel       string `env:"LOG_LEVEL" default:"INFO" values:"DEBUG,INFO,WARNING,ERROR,CRITICAL" help:"DEBUG, INFO, WARNING, ERROR or CRITICAL (${default})."`
	LogFormat      string `env:"LOG_FORMAT" default:"text" values:"text,json" help:"text or json (${default})."`
	HeadTimeout    string `env:"HEAD_TIMEOUT" default:"10s" help:"Time a client may take to send a request (${default})."`
	IdleTimeout    string `env:"IDLE_TIMEOUT" default:"75s" help:"Time a connection may be idle; longer than the proxy's (${default})."`
	DrainTimeout   string `env:"DRAIN_TIMEOUT" default:"5s" help:"Time that stopping may take (${default})."`
	Accept         string `env:"ACCEPT" default:"bearer" placeholder:"LIST" values:"bearer,basic,header:" help:"Where a token may be: a comma list of bearer, basic and header:NAME, such as bearer,header:X-API-Key (${default})."`
	Realm          string `env:"REALM" placeholder:"TEXT" help:"Realm of the challenges. By default they name none, and that of Basic names auth-service."`
	Identity       string `env:"IDENTITY" default:"user" placeholder:"LIST" values:"user,scopes,key" help:"What a 200 tells of the token's owner: a comma list of user, which is always told, scopes and key, for X-Auth-Request-User, -Scopes and -Key (${default})."`
	MaxConnections string `env:"MAX_CONNECTIONS" default:"16384" help:"Most open connections; at the limit, the one that has been idle longest is closed (${default})."`
	MaxHeaderBytes string `env:"MAX_HEADER_BYTES" default:"8192" placeholder:"N" help:"Largest request line, and largest sum of a request's fields, in bytes, from 8192 to 61440 (${default})."`
	SourceFlags
}

// ListenFlags say where the server listens.
type ListenFlags struct {
	Host   string `env:"HOST" default:"0.0.0.0" help:"Address to listen on (${default})."`
	Port   string `env:"PORT" default:"8081" help:"TCP port to listen on (${default})."`
	Listen string `env:"LISTEN" placeholder:"LIST" values:"tcp://,unix:///,systemd" help:"Where to listen, instead of HOST and PORT: a comma list of tcp://HOST:PORT, unix:///PATH?mode=0660 and systemd."`
}

// SourceFlags say where tokens come from.
type SourceFlags struct {
	TokenFile      string `env:"AUTH_SERVICE_TOKEN_FILE" placeholder:"PATH" help:"File that holds one token; read again when it changes."`
	Keyring        string `env:"AUTH_SERVICE_KEYRING" short:"k" placeholder:"PATH" help:"File of named tokens, hashed; read again when it changes."`
	MinTokenLength string `env:"MIN_AUTH_SERVICE_TOKEN_LEN" default:"32" placeholder:"N" help:"Fewest characters that a plaintext token may have (${default})."`
}

// KeyringFlag says which keyring file a command edits or reads.
type KeyringFlag struct {
	Keyring string `env:"AUTH_SERVICE_KEYRING" short:"k" placeholder:"PATH" help:"The keyring file."`
}

// EntryFlags are the parts of a keyring line beside the credential. An empty --expires is
// a mistake, such as a variable of a shell that is not set: the token would never expire.
type EntryFlags struct {
	Principal string   `default:"default" complete:"principals" help:"Whom the token stands for (${default})."`
	Scope     []string `help:"What it is good for; may be repeated. Without it the token has no scopes, with * it has any."`
	Expires   *string  `placeholder:"WHEN" values:"12h,30d,90d,1y" help:"When it stops working: a date, an RFC 3339 time, or a time from now such as 12h, 90d, 2w or 1y."`
}
