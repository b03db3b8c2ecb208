package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// fishStart has what completes values.
const fishStart = `# Completion of auth-service for fish.
complete -c auth-service -f

# The last element of a comma list.
function __auth_service_list
	set -l current (string replace -r -- '^--[^=]*=' '' (commandline -ct))
	set -l before (string replace -r -- '[^,]*$' '' $current)
	for value in $argv
		contains -- $value (string split -- , $before)
		or echo $before$value
	end
end

# Names in the keyring, of one kind or more.
function __auth_service_names
	set -l tokens (commandline -opc)
	set -l keyring
	set -l next
	for token in $tokens
		if set -q next[1]
			set keyring $token
			set next
		else if contains -- $token -k --keyring
			set next yes
		else if string match -q -- '--keyring=*' $token
			set keyring (string replace -- --keyring= '' $token)
		else if string match -qr -- '^-k.' $token
			set keyring (string replace -- -k '' $token)
		end
	end
	if set -q keyring[1]
		set keyring --keyring=(string replace -r -- '^~/' "$HOME/" $keyring)
	end
	set -l program (string replace -r '^~/' "$HOME/" $tokens[1])
	for kind in $argv
		command $program complete $kind $keyring 2>/dev/null </dev/null
	end
end

`

func (p *program) fish() []byte {
	var b bytes.Buffer
	b.WriteString(fishStart)
	beginnings, next := p.words()
	for _, beginning := range beginnings {
		for _, word := range next[beginning] {
			fmt.Fprintf(&b, "complete -c auth-service -n %s -a %s -d %s\n", fishQuote(p.fishAfter(beginning, next)), word,
				fishQuote(p.summary(strings.TrimSpace(beginning+" "+word))))
		}
	}
	fishOptions(&b, p.fishAfter("", next), p.find(defaultCommand))
	for _, c := range p.commands {
		condition := p.fishAfter(c.name(), next)
		fishOptions(&b, condition, &c)
		if c.keyring != "" {
			fmt.Fprintf(&b, "complete -c auth-service -n %s -a %s\n", fishQuote(condition), fishQuote("(__auth_service_names "+c.keyring+")"))
		}
	}
	if p.find(helpCommand) != nil {
		for _, beginning := range beginnings {
			words := strings.Fields(helpCommand + " " + beginning)
			condition := "__fish_seen_subcommand_from " + strings.Join(words, "; and __fish_seen_subcommand_from ")
			condition += "; and not __fish_seen_subcommand_from " + strings.Join(without(next[beginning], helpCommand), " ")
			fmt.Fprintf(&b, "complete -c auth-service -n %s -a %s\n", fishQuote(condition), fishQuote(strings.Join(without(next[beginning], helpCommand), " ")))
		}
	}
	return b.Bytes()
}

func without(words []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == word })
}

// fishAfter is fish's condition for being right behind the words of beginning.
func (p *program) fishAfter(beginning string, next map[string][]string) string {
	var conditions []string
	for word := range strings.FieldsSeq(beginning) {
		conditions = append(conditions, "__fish_seen_subcommand_from "+word)
	}
	if following := next[beginning]; following != nil {
		conditions = append(conditions, "not __fish_seen_subcommand_from "+strings.Join(following, " "))
	}
	if beginning != helpCommand && p.find(helpCommand) != nil && len(conditions) > 0 && beginning != "" {
		conditions = append(conditions, "not __fish_seen_subcommand_from "+helpCommand)
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
		case o.keyring != "":
			fmt.Fprintf(b, " -x -a %s", fishQuote("(__auth_service_names "+o.keyring+")"))
		case o.list():
			fmt.Fprintf(b, " -x -a %s", fishQuote("(__auth_service_list "+o.values+")"))
		case o.values != "":
			fmt.Fprintf(b, " -x -a %s", fishQuote(o.values))
		case o.value != "":
			b.WriteString(" -x")
		}
		fmt.Fprintf(b, " -d %s\n", fishQuote(o.help))
	}
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}
