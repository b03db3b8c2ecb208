package main

import (
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/concrete-security/auth-service/internal/cli"
)

// program is what the page and the completions say of auth-service.
type program struct {
	description []string // paragraphs
	commands    []command
	variables   []cli.Variable
}

type command struct {
	words     []string // "token", "new"
	summary   string
	options   []option
	arguments string // what follows the options, as the synopsis shows it
	keyring   string // which names of the keyring the arguments are, with spaces between
}

type option struct {
	short, long string // without dashes
	value       string // what the value is, or its default; none for a switch
	values      string // values that the parser takes, or beginnings of them, with spaces between
	keyring     string // which names of the keyring the value is, with spaces between
	help        string
}

// defaultCommand is the one whose options need no command before them.
const defaultCommand = "serve"

func (c *command) name() string { return strings.Join(c.words, " ") }

// file reports whether the value is the path of a file.
func (o *option) file() bool { return o.value == "PATH" }

// list reports whether the value is a comma list.
func (o *option) list() bool { return o.value == "LIST" }

// spellings returns the ways to write the option, with dashes.
func (o *option) spellings() []string {
	if o.short == "" {
		return []string{"--" + o.long}
	}
	return []string{"-" + o.short, "--" + o.long}
}

// load returns what the command line's model says.
func load() (*program, error) {
	parser, err := cli.New(io.Discard, io.Discard)
	if err != nil {
		return nil, err
	}
	return programOf(parser.Model(), parser.Variables()), nil
}

// programOf reads a model. What is hidden there is left out.
func programOf(model *kong.Application, variables []cli.Variable) *program {
	p := &program{description: strings.Split(model.Help, "\n\n"), variables: variables}
	for _, leaf := range model.Leaves(true) {
		c := command{summary: leaf.Help}
		for node := leaf; node.Type == kong.CommandNode; node = node.Parent {
			c.words = append(c.words, node.Name)
		}
		slices.Reverse(c.words)
		for _, flags := range leaf.AllFlags(true) {
			for _, flag := range flags {
				c.options = append(c.options, optionOf(flag))
			}
		}
		for _, argument := range leaf.Positional {
			summary := strings.ReplaceAll(argument.Summary(), "<", "")
			c.arguments = strings.TrimSpace(c.arguments + " " + strings.ReplaceAll(summary, ">", ""))
			c.keyring = spaced(argument.Tag.Get("complete"))
		}
		p.commands = append(p.commands, c)
	}
	return p
}

func optionOf(flag *kong.Flag) option {
	o := option{long: flag.Name, help: flag.Help, values: spaced(flag.Tag.Get("values")), keyring: spaced(flag.Tag.Get("complete"))}
	if flag.Short != 0 {
		o.short = string(flag.Short)
	}
	if !flag.IsBool() && !flag.IsCounter() {
		o.value = strings.ReplaceAll(flag.FormatPlaceHolder(), `"`, "")
	}
	return o
}

func spaced(list string) string { return strings.ReplaceAll(list, ",", " ") }

func (p *program) find(name string) *command {
	for i := range p.commands {
		if p.commands[i].name() == name {
			return &p.commands[i]
		}
	}
	return nil
}
