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
	"unicode"

	"github.com/concrete-security/auth-service/internal/censor"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/logging"
	"github.com/concrete-security/auth-service/internal/secret"
	"github.com/concrete-security/auth-service/internal/setting"
)

// Exit statuses beside 0.
const (
	exitFailure       = 1 // it failed; trying again may help
	exitConfiguration = 2 // it fails until somebody changes the configuration
)

// process is what a command gets from the outside.
type process struct {
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer
	// token is AUTH_SERVICE_TOKEN, which is no longer in the environment.
	token []byte
	// censor removes from errors and the log what looks like a token.
	censor *censor.Censor
	// given says which settings are set, and how.
	given cli.Given
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
	token, err := secret.TakeVariable(cli.TokenVariable)
	defer secret.Wipe(token)
	p.token, p.exposed = token, errors.Join(forbidden, err)
	return run(context.Background(), arguments, p)
}

// run runs the command that arguments name and returns the exit status.
func run(ctx context.Context, arguments []string, p *process) (status int) {
	p.censor = censor.New(cli.Values(arguments))
	line, command, err := parse(arguments, p)
	if err != nil {
		return report(p, err)
	}
	if command == "" { // help was printed
		return 0
	}
	p.given = line.Given
	if command != "serve" && command != "check" && command != "complete" { // the first two say it among their warnings
		p.warnOfExposure()
	}
	if !usesToken(command, line) {
		secret.Wipe(p.token)
	}
	if strings.HasPrefix(command, "token ") && command != "token verify" { // which says it among its warnings
		for _, warning := range cli.UnknownVariables(os.Environ()) {
			p.caution(warning)
		}
	}
	switch command {
	case "serve":
		err = serve(ctx, p, &line.Serve)
	case "check":
		err = check(p, &line.Check)
	case "token new":
		err = newToken(ctx, p, &line.Token.New)
	case "token add":
		err = addToken(ctx, p, &line.Token.Add)
	case "token hash":
		err = hashToken(p, &line.Token.Hash)
	case "token list":
		err = listTokens(p, &line.Token.List)
	case "token revoke":
		err = revokeTokens(ctx, p, &line.Token.Revoke)
	case "token rotate":
		err = rotateToken(ctx, p, &line.Token.Rotate)
	case "token verify":
		err = verifyToken(ctx, p, &line.Token.Verify)
	case "complete":
		err = complete(p, &line.Complete)
	case "healthcheck":
		err = healthcheck(ctx, p, &line.Healthcheck)
	case "version":
		err = printVersion(p, &line.Version)
	default:
		err = fmt.Errorf("the command %s cannot be run", command)
	}
	return report(p, err)
}

// usesToken reports whether a command has a use for AUTH_SERVICE_TOKEN.
func usesToken(command string, line *cli.CommandLine) bool {
	switch command {
	case "serve", "check", "token verify":
		return true
	case "healthcheck":
		return line.Healthcheck.Ready
	}
	return false
}

// parse returns what the arguments and the environment say, and the command.
func parse(arguments []string, p *process) (line *cli.CommandLine, command string, err error) {
	if len(arguments) == 0 {
		return cli.FromEnvironment(), "serve", nil
	}
	parser, err := cli.New(p.stdout, p.stderr)
	if err != nil {
		return nil, "", err
	}
	return parser.Parse(arguments)
}

func (p *process) warnOfExposure() {
	if p.exposed != nil {
		fmt.Fprintf(p.stderr, "auth-service: warning: %s\n", setting.OneLine(p.exposed))
	}
}

// report writes err, one line for each error joined in it, and returns the exit
// status.
func report(p *process, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.As(err, new(printedError)):
		return statusOf(err)
	}
	for line := range strings.SplitSeq(p.censor.Clean(err.Error()), "\n") {
		fmt.Fprintf(p.stderr, "%sauth-service: %s\n", priority(p.stderr), visible(line))
	}
	return statusOf(err)
}

// priority returns what systemd's journal takes for the priority of an error.
func priority(to io.Writer) string {
	if logging.ToJournal(to) {
		return logging.ErrorPriority
	}
	return ""
}

// visible escapes what could disturb a terminal, such as the name of a file.
func visible(text string) string {
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func statusOf(err error) int {
	if setting.Lasts(err) {
		return exitConfiguration
	}
	return exitFailure
}
