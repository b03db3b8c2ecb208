package main

import (
	"bytes"
	"fmt"
	"strings"
)

// zshStart has what completes values.
const zshStart = `#compdef auth-service
# Completion of auth-service for zsh.

# _auth-service_list completes the last element of a comma list.
_auth-service_list() {
	compset -P '*,'
	compadd -S '' -- "$@"
}

# _auth-service_names completes names in the keyring, of one kind or more.
_auth-service_names() {
	# _arguments writes a backslash before each backslash and colon of a value.
	local keyring=${opt_args[--keyring]:-$opt_args[-k]} kind
	keyring=${(Q)${${keyring//\\:/:}//\\\\/\\}}
	local -a names
	for kind; do
		names+=(${(f)"$(_call_program $kind ${(q)auth_service} complete $kind ${keyring:+--keyring=${(q)${keyring/#\~\//$HOME/}}})"})
	done
	compadd -- $names
}

`

func (p *program) zsh() []byte {
	var b bytes.Buffer
	b.WriteString(zshStart)
	beginnings, next := p.words()
	for _, beginning := range beginnings {
		fmt.Fprintf(&b, "%s() {\n\tlocal context state state_descr line ret=1\n\ttypeset -A opt_args\n", function(beginning))
		if beginning == "" {
			b.WriteString("\tlocal auth_service=${words[1]/#\\~\\//$HOME/}\n")
		}
		b.WriteString("\t_arguments -C")
		if beginning == "" {
			zshOptions(&b, p.find(defaultCommand))
		}
		b.WriteString(" \\\n\t\t'1: :->command' \\\n\t\t'*:: :->rest' && ret=0\n\tcase $state in\n\tcommand)\n\t\tlocal -a commands=(\n")
		for _, word := range next[beginning] {
			fmt.Fprintf(&b, "\t\t\t%s\n", single(word+":"+p.summary(strings.TrimSpace(beginning+" "+word))))
		}
		b.WriteString("\t\t)\n\t\t_describe -t commands command commands && ret=0\n\t\t;;\n\trest)\n\t\tcase $line[1] in\n")
		for _, word := range next[beginning] {
			fmt.Fprintf(&b, "\t\t%s) %s && ret=0 ;;\n", word, function(strings.TrimSpace(beginning+" "+word)))
		}
		b.WriteString("\t\tesac\n\t\t;;\n\tesac\n\treturn ret\n}\n\n")
	}
	for _, c := range p.commands {
		if c.name() == helpCommand {
			p.zshHelp(&b, next)
			continue
		}
		fmt.Fprintf(&b, "%s() {\n\ttypeset -A opt_args\n\t_arguments -s", function(c.name()))
		zshOptions(&b, &c)
		if c.keyring != "" {
			fmt.Fprintf(&b, " \\\n\t\t'*:principal or key id: _auth-service_names %s'", c.keyring)
		}
		b.WriteString("\n}\n\n")
	}
	b.WriteString("_auth-service \"$@\"\n")
	return b.Bytes()
}

// zshHelp completes the words of a command behind help.
func (p *program) zshHelp(b *bytes.Buffer, next map[string][]string) {
	fmt.Fprintf(b, "%s() {\n\tcase $CURRENT in\n\t2) compadd -- %s ;;\n\t3)\n\t\tcase $words[2] in\n", function(helpCommand), strings.Join(next[""], " "))
	for _, word := range next[""] {
		if following := next[word]; following != nil {
			fmt.Fprintf(b, "\t\t%s) compadd -- %s ;;\n", word, strings.Join(following, " "))
		}
	}
	b.WriteString("\t\tesac\n\t\t;;\n\tesac\n}\n\n")
}

func zshOptions(b *bytes.Buffer, c *command) {
	for _, o := range c.options {
		help := "[" + zshEscape(o.help) + "]"
		action := ""
		switch {
		case o.file():
			action = ":file:_files"
		case o.keyring != "":
			action = ":name: _auth-service_names " + o.keyring
		case o.list():
			action = ":list: _auth-service_list " + zshEscape(o.values)
		case o.values != "":
			action = ":value:(" + zshEscape(o.values) + ")"
		case o.value != "":
			action = ":value: "
		}
		exclusive := ""
		if o.short != "" {
			exclusive = "(" + strings.Join(o.spellings(), " ") + ")"
		}
		for _, spelling := range o.spellings() {
			switch {
			case action == "":
			case strings.HasPrefix(spelling, "--"):
				spelling += "="
			default:
				spelling += "+"
			}
			fmt.Fprintf(b, " \\\n\t\t%s", single(exclusive+spelling+help+action))
		}
	}
}

func zshEscape(text string) string {
	return strings.NewReplacer(`[`, `\[`, `]`, `\]`, `:`, `\:`).Replace(text)
}

func function(name string) string {
	return "_auth-service" + strings.ReplaceAll(strings.TrimSuffix("_"+name, "_"), " ", "_")
}

// single quotes text for zsh.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
