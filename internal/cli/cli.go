// Package cli is the command line as data: the commands, their flags, the
// environment variables that set the same, and their help. It parses a command line
// and runs nothing. The man page, the completions and every list of variables come
// from it.
package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/concrete-security/auth-service/internal/setting"
)

// Name is the name of the program.
const Name = "auth-service"

// A Parser reads command lines.
type Parser struct {
	kong   *kong.Kong
	line   *CommandLine
	exited bool
}

// New returns a parser that writes help to stdout.
func New(stdout, stderr io.Writer) (*Parser, error) {
	p := &Parser{line: new(CommandLine)}
	var err error
	p.kong, err = kong.New(p.line,
		kong.Name(Name),
		kong.Description("Checks static Bearer tokens for reverse proxies: nginx auth_request, Traefik ForwardAuth, Caddy forward_auth, Envoy ext_authz.\n\n"+
			"Every flag of serve can be given as the environment variable named with it. Secrets have no flag: AUTH_SERVICE_TOKEN holds a token."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { p.exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(p.printHelp),
	)
	return p, err
}

// Model returns what the parser understands.
func (p *Parser) Model() *kong.Application { return p.kong.Model }

// Parse reads the arguments and the environment. It returns what they say, and the
// command as words: "token new", or "serve" if none is named. If it has printed
// help, the command is empty, and nothing is left to do. Whitespace around the value
// of a setting is removed, and an empty value counts as not set.
func (p *Parser) Parse(arguments []string) (line *CommandLine, command string, err error) {
	if len(arguments) > 0 && arguments[0] == "help" {
		arguments = append(slices.Clone(arguments[1:]), "--help")
	}
	if err := p.checkCommand(arguments); err != nil {
		return nil, "", err
	}
	parsed, err := p.kong.Parse(arguments)
	switch {
	case p.exited:
		return p.line, "", nil
	case err != nil:
		return nil, "", setting.Error{Err: inWords(err)}
	case p.line.ShowVersion:
		return p.line, "version", nil
	}
	p.line.Given = Given{}
	p.line.Given.settleFlags(parsed)
	// What follows the words of the command are the names of its arguments.
	command, _, _ = strings.Cut(parsed.Command(), " <")
	return p.line, command, nil
}

// inWords says which value of a flag or argument of a command is missing. kong says it
// in its own terms.
func inWords(err error) error {
	if flag, _, ok := strings.Cut(err.Error(), ": expected string value but got "); ok {
		return fmt.Errorf("%s needs a value", flag)
	}
	// To kong, all flags of one letter are near each other.
	if flag, _, ok := strings.Cut(err.Error(), ", did you mean"); ok && len(flag) == len("unknown flag -x") && strings.HasPrefix(flag, "unknown flag -") {
		return errors.New(flag)
	}
	of, ok := errors.AsType[*kong.ParseError](err)
	if !ok || of.Context == nil || of.Context.Selected() == nil {
		return err
	}
	for _, argument := range of.Context.Selected().Positional {
		if err.Error() == fmt.Sprintf("expected %q", argument.ShortSummary()) {
			return fmt.Errorf("%s needs an argument: %s", of.Context.Command(), argument.ShortSummary())
		}
	}
	return err
}

// checkCommand returns an error if the arguments begin with words that are not a
// command. The error names the nearest command. kong would take the first word for an
// argument of serve.
func (p *Parser) checkCommand(arguments []string) error {
	node := p.kong.Model.Node
	for i := 0; len(node.Children) > 0; i++ {
		words := strings.Join(arguments[:i], " ")
		if i == len(arguments) || strings.HasPrefix(arguments[i], "-") {
			if i > 0 && !slices.Contains(arguments[i:], "--help") && !slices.Contains(arguments[i:], "-h") {
				return setting.Invalid("%s needs a command: %s", words, oneOf(namesOf(node)))
			}
			return nil
		}
		named := func(child *kong.Node) bool { return child.Name == arguments[i] }
		at := slices.IndexFunc(node.Children, named)
		if at < 0 {
			names := namesOf(node)
			wrong := strings.TrimSpace(words + " " + arguments[i])
			if near := Nearest(arguments[i], names); near != "" {
				return setting.Invalid("%q is not a command; did you mean %s?", wrong, strings.TrimSpace(words+" "+near))
			}
			return setting.Invalid("%q is not a command; use %s", wrong, oneOf(names))
		}
		node = node.Children[at]
	}
	return nil
}

// namesOf returns the names of the commands below node that the help shows.
func namesOf(node *kong.Node) (names []string) {
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

// oneOf returns "a, b or c".
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// A Variable is an environment variable that the program reads.
type Variable struct {
	Name string
	// Flag is the flag that says the same, without its dashes. A secret has none.
	Flag string
	// Help says what the variable is for, in a sentence or two.
	Help string
	// Secret is whether the value must not be shown.
	Secret bool
}

// Variables returns all environment variables that the program reads, each once.
func (p *Parser) Variables() []Variable {
	variables := []Variable{{
		Name: TokenVariable, Secret: true,
		Help: "A token. It has no flag, which other users of the machine could read.",
	}}
	for _, leaf := range p.kong.Model.Leaves(true) {
		for _, flag := range leaf.Flags {
			for _, name := range flag.Envs {
				known := func(v Variable) bool { return v.Name == name }
				if !slices.ContainsFunc(variables, known) {
					variables = append(variables, Variable{Name: name, Flag: flag.Name, Help: flag.Help})
				}
			}
		}
	}
	return variables
}

// printHelp prints the help of the command that is asked about. If none is, it
// prints that of serve as well, whose flags need no command before them. Who asks
// twice gets it once: kong goes on after the first.
func (p *Parser) printHelp(options kong.HelpOptions, c *kong.Context) error {
	if p.exited {
		return nil
	}
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
