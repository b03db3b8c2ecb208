package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

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

// optionNames returns the long options of all commands that keep accepts, each
// once, with their dashes.
func (p *program) optionNames(keep func(*option) bool) (names []string) {
	for _, c := range p.commands {
		for _, o := range c.options {
			if name := "--" + o.long; keep(&o) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func (p *program) bash() []byte {
	var b bytes.Buffer
	files := p.optionNames((*option).file)
	valued := p.optionNames(func(o *option) bool { return o.value != "" })
	b.WriteString(`# Completion of auth-service for bash.
_auth_service() {
	local current=${COMP_WORDS[COMP_CWORD]} command= option= joined= word candidates
	# bash makes words of =, : and @: alice@example.com is three.
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case $option$word in
		-*=) continue ;;
		esac
		if [[ $word =~ ^[=:@]+$ ]]; then
			option= joined=yes
			continue
		fi
		if [[ -n $joined ]]; then
			joined=
			continue
		fi
		if [[ -n $option ]]; then
			option=
			continue
		fi
		case $word in
`)
	fmt.Fprintf(&b, "\t\t%s) option=$word ;;\n", strings.Join(valued, " | "))
	b.WriteString(`		-*) ;;
		*) command+="${command:+ }$word" ;;
		esac
	done
	if [[ -n $joined ]]; then
		COMPREPLY=()
		return
	fi
	[[ $current == = ]] && current=
	case $option in
	"") ;;
`)
	fmt.Fprintf(&b, "\t%s)\n\t\tcompopt -o filenames 2>/dev/null\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n\t\treturn\n\t\t;;\n", strings.Join(files, " | "))
	b.WriteString("\t*)\n\t\tCOMPREPLY=()\n\t\treturn\n\t\t;;\n\tesac\n\tcase $command in\n")
	beginnings, next := p.words()
	for _, beginning := range beginnings {
		candidates := slices.Clone(next[beginning])
		if beginning == "" {
			candidates = append(candidates, dashed(p.find(defaultCommand))...)
		}
		fmt.Fprintf(&b, "\t%q) candidates=%q ;;\n", beginning, strings.Join(candidates, " "))
	}
	for _, c := range p.commands {
		fmt.Fprintf(&b, "\t%q) candidates=%q ;;\n", c.name(), strings.Join(dashed(&c), " "))
	}
	b.WriteString(`	*) candidates= ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
}
complete -F _auth_service auth-service
`)
	return b.Bytes()
}

func dashed(c *command) (names []string) {
	for _, o := range c.options {
		names = append(names, "--"+o.long)
	}
	return names
}

func (p *program) zsh() []byte {
	var b bytes.Buffer
	b.WriteString("#compdef auth-service\n# Completion of auth-service for zsh.\n\n")
	beginnings, next := p.words()
	for _, beginning := range beginnings {
		fmt.Fprintf(&b, "%s() {\n\tlocal context state state_descr line ret=1\n\ttypeset -A opt_args\n\t_arguments -C", function(beginning))
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
		fmt.Fprintf(&b, "%s() {\n\t_arguments", function(c.name()))
		zshOptions(&b, &c)
		b.WriteString("\n}\n\n")
	}
	b.WriteString("_auth-service \"$@\"\n")
	return b.Bytes()
}

func zshOptions(b *bytes.Buffer, c *command) {
	for _, o := range c.options {
		help := strings.NewReplacer(`[`, `\[`, `]`, `\]`, `:`, `\:`).Replace(o.help)
		spec := "--" + o.long
		switch {
		case o.file():
			spec += "=[" + help + "]:file:_files"
		case o.value != "":
			spec += "=[" + help + "]:value: "
		default:
			spec += "[" + help + "]"
		}
		fmt.Fprintf(b, " \\\n\t\t%s", single(spec))
	}
}

func function(name string) string {
	return "_auth-service" + strings.ReplaceAll(strings.TrimSuffix("_"+name, "_"), " ", "_")
}

// single quotes text for zsh.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func (p *program) fish() []byte {
	var b bytes.Buffer
	b.WriteString("# Completion of auth-service for fish.\ncomplete -c auth-service -f\n")
	beginnings, next := p.words()
	for _, beginning := range beginnings {
		for _, word := range next[beginning] {
			fmt.Fprintf(&b, "complete -c auth-service -n %s -a %s -d %s\n", fishQuote(fishAfter(beginning, next)), word,
				fishQuote(p.summary(strings.TrimSpace(beginning+" "+word))))
		}
	}
	fishOptions(&b, "__fish_use_subcommand", p.find(defaultCommand))
	for _, c := range p.commands {
		fishOptions(&b, fishAfter(c.name(), next), &c)
	}
	return b.Bytes()
}

// fishAfter is fish's condition for being right behind the words of beginning.
func fishAfter(beginning string, next map[string][]string) string {
	if beginning == "" {
		return "__fish_use_subcommand"
	}
	var conditions []string
	for word := range strings.FieldsSeq(beginning) {
		conditions = append(conditions, "__fish_seen_subcommand_from "+word)
	}
	if following := next[beginning]; following != nil {
		conditions = append(conditions, "not __fish_seen_subcommand_from "+strings.Join(following, " "))
	}
	return strings.Join(conditions, "; and ")
}

func fishOptions(b *bytes.Buffer, condition string, c *command) {
	for _, o := range c.options {
		fmt.Fprintf(b, "complete -c auth-service -n %s", fishQuote(condition))
		if o.short != "" {
			fmt.Fprintf(b, " -s %s", o.short)
		}
		fmt.Fprintf(b, " -l %s", o.long)
		switch {
		case o.file():
			b.WriteString(" -rF")
		case o.value != "":
			b.WriteString(" -x")
		}
		fmt.Fprintf(b, " -d %s\n", fishQuote(o.help))
	}
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
