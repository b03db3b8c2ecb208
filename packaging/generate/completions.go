package main

import (
	"slices"
	"strings"
)

// helpCommand is the one whose arguments are the words of another command.
const helpCommand = "help"

// words returns, for each beginning of a command ("", "token"), what may
// follow, in the help's order.
func (p *program) words() (beginnings []string, next map[string][]string) {
	next = map[string][]string{}
	for _, c := range p.commands {
		for i, word := range c.words {
			beginning := strings.Join(c.words[:i], " ")
			if !slices.Contains(beginnings, beginning) {
				beginnings = append(beginnings, beginning)
			}
			if !slices.Contains(next[beginning], word) {
				next[beginning] = append(next[beginning], word)
			}
		}
	}
	return beginnings, next
}

// summary says what a command, or all that begin with it, are for.
func (p *program) summary(name string) string {
	if c := p.find(name); c != nil {
		return c.summary
	}
	var all []string
	for _, c := range p.commands {
		if strings.HasPrefix(c.name(), name+" ") {
			all = append(all, c.words[len(c.words)-1])
		}
	}
	return "Commands: " + strings.Join(all, ", ") + "."
}

// spellings returns the ways to write those options of all commands that keep accepts,
// each once.
func (p *program) spellings(keep func(*option) bool) (all []string) {
	for _, o := range p.options(keep) {
		for _, spelling := range o.spellings() {
			if !slices.Contains(all, spelling) {
				all = append(all, spelling)
			}
		}
	}
	return all
}

// options returns those options of all commands that keep accepts. Options of one name
// take the same values in every command.
func (p *program) options(keep func(*option) bool) (all []option) {
	for _, c := range p.commands {
		for _, o := range c.options {
			known := func(other option) bool { return other.long == o.long && other.short == o.short }
			if keep(&o) && !slices.ContainsFunc(all, known) {
				all = append(all, o)
			}
		}
	}
	return all
}
