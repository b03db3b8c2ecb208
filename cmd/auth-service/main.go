// Command auth-service answers the authorization subrequests of reverse
// proxies: 200 for a request that carries a configured Bearer token, 401 or 403
// for any other.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// Exit statuses beside 0.
const (
	exitFailure       = 1 // it failed; trying again may help
	exitConfiguration = 2 // it fails until somebody changes the configuration
)

// commandLine is what the program understands; kong reads it.
type commandLine struct {
	Serve       serveCommand       `cmd:"" default:"withargs" help:"Answer authorization subrequests (the default command)."`
	Check       checkCommand       `cmd:"" help:"Check the configuration and the keyring as a start would."`
	Token       tokenCommand       `cmd:"" help:"Make tokens and keyring lines."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the configured listener whether it is healthy; exit status 0 or 1."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// process is what a command gets from the outside, so that it can be run
// without being one.
type process struct {
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	// token is AUTH_SERVICE_TOKEN; the environment holds it no more.
	token []byte
	// censor removes from errors and the log what looks like a token.
	censor *censor
	// exposed says which protection of the process's memory failed, or is nil.
	exposed error
	// portable makes serve use the engine for systems other than Linux. Tests set
	// it.
	portable bool
}

func main() {
	os.Exit(execute(os.Args[1:], &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
}

// execute is what main does before it exits. Before anything else, for every
// command, it wipes the token from the environment and forbids others to read the
// process's memory.
func execute(arguments []string, p *process) (status int) {
	forbidden := secret.ForbidDumps()
	token, err := secret.TakeVariable(tokenVariable)
	defer core.Wipe(token)
	p.token, p.exposed = token, errors.Join(forbidden, err)
	return run(context.Background(), arguments, p)
}

// run runs the command that arguments name and returns the exit status.
func run(ctx context.Context, arguments []string, p *process) (status int) {
	unsetEmptyVariables()
	p.censor = newCensor(processValues(arguments))
	exited := false
	parser, err := kong.New(&commandLine{},
		kong.Name("auth-service"),
		kong.Description("Checks static Bearer tokens for reverse proxies: nginx auth_request, Traefik ForwardAuth, Caddy forward_auth, Envoy ext_authz.\n\n"+
			"Every flag of serve can be given as the environment variable named with it. Secrets have no flag: AUTH_SERVICE_TOKEN holds a token."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exited, status = true, code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(printHelp),
	)
	if err != nil {
		return report(p, err)
	}
	command, err := parser.Parse(arguments)
	if exited { // --help
		return status
	}
	if err != nil {
		return report(p, setting.Error{Err: err})
	}
	command.BindTo(ctx, (*context.Context)(nil))
	switch command.Command() {
	case "serve": // it has a log
	case "check":
		p.warnOfExposure()
	default:
		core.Wipe(p.token) // the others have no use for it
		p.warnOfExposure()
	}
	return report(p, command.Run(p))
}

func (p *process) warnOfExposure() {
	if p.exposed != nil {
		fmt.Fprintf(p.stderr, "auth-service: warning: %s\n", setting.OneLine(p.exposed))
	}
}

// printHelp prints the help of the command that is asked about; without one,
// that of serve as well, which needs no naming.
func printHelp(options kong.HelpOptions, c *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, c); err != nil || c.Selected() != nil {
		return err
	}
	serve, err := kong.Trace(c.Kong, []string{"serve"})
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout)
	return kong.DefaultHelpPrinter(options, serve)
}

// report writes err, one line for each error joined in it, and returns the exit
// status.
func report(p *process, err error) int {
	if err == nil {
		return 0
	}
	for line := range strings.SplitSeq(p.censor.clean(err.Error()), "\n") {
		fmt.Fprintf(p.stderr, "auth-service: %s\n", line)
	}
	if setting.Lasts(err) {
		return exitConfiguration
	}
	return exitFailure
}
