package main

import (
	"fmt"
	"regexp"
	"strings"
)

// program is what the help tells of auth-service.
type program struct {
	description []string // paragraphs
	commands    []command
}

type command struct {
	words   []string // "token", "new"
	summary string
	options []option
}

type option struct {
	short, long string // without dashes
	value       string // what the help has behind the equals sign; none for a switch
	help        string
	variable    string // the environment variable that says the same
}

// defaultCommand is the one whose options need no command before them.
const defaultCommand = "serve"

func (c *command) name() string { return strings.Join(c.words, " ") }

// file reports whether the value is the path of a file.
func (o *option) file() bool { return o.value == "PATH" }

// read puts together a program from the output of --help, given for the
// arguments before it.
func read(help func(arguments ...string) (string, error)) (*program, error) {
	text, err := help()
	if err != nil {
		return nil, err
	}
	overview, _, _ := strings.Cut(text, "\nRun \"")
	head, list, found := strings.Cut(overview, "\nCommands:\n")
	if !found {
		return nil, fmt.Errorf("the help lists no commands: %q", text)
	}
	p := &program{}
	description, _, _ := strings.Cut(head, "\nFlags:\n")
	for paragraph := range strings.SplitSeq(strings.TrimSpace(description), "\n\n") {
		if !strings.HasPrefix(paragraph, "Usage:") {
			p.description = append(p.description, paragraph)
		}
	}
	for line := range strings.Lines(list) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, summary, found := cutColumns(line)
		if !found {
			return nil, fmt.Errorf("the help lists no command in %q", line)
		}
		c := command{words: strings.Fields(name), summary: summary}
		text, err := help(c.words...)
		if err != nil {
			return nil, err
		}
		if c.options, err = readOptions(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.commands = append(p.commands, c)
	}
	if p.find(defaultCommand) == nil {
		return nil, fmt.Errorf("the help lists no command %s", defaultCommand)
	}
	return p, nil
}

func (p *program) find(name string) *command {
	for i := range p.commands {
		if p.commands[i].name() == name {
			return &p.commands[i]
		}
	}
	return nil
}

var (
	flagColumn     = regexp.MustCompile(`^(?:-(\w), )?--([a-z0-9-]+)(?:=(.+))?$`)
	variableSuffix = regexp.MustCompile(` \(\$([A-Z_]+)\)`)
)

func readOptions(text string) (options []option, err error) {
	_, list, found := strings.Cut(text, "\nFlags:\n")
	if !found {
		return nil, fmt.Errorf("no flags in %q", text)
	}
	for line := range strings.Lines(list) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, help, _ := cutColumns(line)
		m := flagColumn.FindStringSubmatch(name)
		if m == nil {
			return nil, fmt.Errorf("no flag in %q", line)
		}
		o := option{short: m[1], long: m[2], value: strings.Trim(m[3], `"`), help: help}
		if v := variableSuffix.FindStringSubmatch(help); v != nil {
			o.variable = v[1]
			o.help = variableSuffix.ReplaceAllString(help, "")
		}
		options = append(options, o)
	}
	return options, nil
}

// cutColumns parts a line of the help where two or more spaces are.
func cutColumns(line string) (name, help string, found bool) {
	name, help, found = strings.Cut(strings.TrimSpace(line), "  ")
	return name, strings.TrimSpace(help), found
}
