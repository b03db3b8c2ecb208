package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// bashStart puts the words together that bash splits, and what adds candidates.
const bashStart = `# Completion of auth-service for bash.

# _auth_service_add adds the candidates that begin with START.
_auth_service_add() { # START CANDIDATE…
	local start=$1 candidate
	shift
	for candidate; do
		[[ $candidate == "$start"* ]] && COMPREPLY+=("$candidate")
	done
}

# _auth_service_add_list does it for the last element of a comma list.
_auth_service_add_list() { # START CANDIDATE…
	local before=${1%"${1##*,}"} current=$1 candidate
	shift
	for candidate; do
		[[ ,$before == *",$candidate,"* ]] || _auth_service_add "$current" "$before$candidate"
	done
}

# _auth_service_add_names does it for names in the keyring.
_auth_service_add_names() { # START PROGRAM KEYRING KIND…
	local start=$1 program=${2/#"~/"/"$HOME/"} keyring=${3//[\"\'\\]/} kind name
	keyring=${keyring/#"~/"/"$HOME/"}
	shift 3
	for kind; do
		while IFS= read -r name; do
			_auth_service_add "$start" "$name"
		done < <("$program" complete "$kind" ${keyring:+"--keyring=$keyring"} 2>/dev/null </dev/null)
	done
}

_auth_service() {
	COMPREPLY=()
	# bash splits words at = : and @ too. Nothing is between the parts of one word.
	local line=${COMP_LINE:0:COMP_POINT} words=() gap piece i
	for ((i = 0; i <= COMP_CWORD; i++)); do
		gap=${line%%[![:space:]]*}
		line=${line#"$gap"}
		piece=${COMP_WORDS[i]}
		((i < COMP_CWORD)) || piece=$line
		line=${line#"$piece"}
		if [[ -n $gap || $i -eq 0 ]]; then
			words+=("$piece")
		else
			words[${#words[@]} - 1]+=$piece
		fi
	done

	local last=$((${#words[@]} - 1)) command= arguments= option= keyring= word
	for word in "${words[@]:1:last-1}"; do
		if [[ -n $option ]]; then
			[[ $option == -k || $option == --keyring ]] && keyring=$word
			option=
			continue
		fi
		case $word in
		--keyring=*) keyring=${word#*=} ;;
		-k?*) keyring=${word#-k} ;;
`

const bashMiddle = `		-*) ;;
		*)
			case ${command:+$command }$word in
`

const bashEnd = `	# What is replaced begins behind the last character at which bash splits words.
	local whole=$before$current rest c
	rest=$whole
	for c in = : @; do
		[[ $COMP_WORDBREAKS == *"$c"* ]] && rest=${rest##*"$c"}
	done
	local kept=${whole%"$rest"}
	kept=${kept%@} # readline replaces this one as well
	for i in "${!COMPREPLY[@]}"; do
		word=$before${COMPREPLY[i]}
		[[ $word == *[:/=] ]] && compopt -o nospace 2>/dev/null
		COMPREPLY[i]=${word#"$kept"}
	done
}
complete -F _auth_service auth-service
`

func (p *program) bash() []byte {
	var b bytes.Buffer
	b.WriteString(bashStart)
	valued := p.spellings(func(o *option) bool { return o.value != "" })
	fmt.Fprintf(&b, "\t\t%s) option=$word ;;\n", strings.Join(valued, " | "))
	b.WriteString(bashMiddle)
	beginnings, next := p.words()
	commands := p.bashCommands(beginnings, next)
	fmt.Fprintf(&b, "\t\t\t%s) command+=${command:+ }$word ;;\n", strings.Join(quoted(commands), " | "))
	b.WriteString(`			*) arguments=yes ;;
			esac
			;;
		esac
	done

	local before= current=${words[last]}
	if [[ -z $option && $current == --*=* ]]; then
		option=${current%%=*}
		before=$option=
		current=${current#*=}
	fi
	case $option in
	"")
		case $arguments$command in
`)
	for _, beginning := range beginnings {
		candidates := next[beginning]
		if beginning == "" {
			candidates = append(slices.Clone(candidates), dashed(p.find(defaultCommand))...)
		}
		bashAdd(&b, "\t\t", fmt.Sprintf("%q", beginning), candidates)
		if p.find(helpCommand) != nil {
			bashAdd(&b, "\t\t", fmt.Sprintf("%q", strings.TrimSpace(helpCommand+" "+beginning)), next[beginning])
		}
	}
	for _, c := range p.commands {
		if c.name() == helpCommand {
			continue
		}
		pattern := fmt.Sprintf("%q", c.name())
		if c.keyring != "" {
			pattern += fmt.Sprintf(" | %q", "yes"+c.name())
		}
		fmt.Fprintf(&b, "\t\t%s)\n\t\t\t_auth_service_add \"$current\" %s\n", pattern, strings.Join(dashed(&c), " "))
		if c.keyring != "" {
			fmt.Fprintf(&b, "\t\t\t_auth_service_add_names \"$current\" \"${words[0]}\" \"$keyring\" %s\n", c.keyring)
		}
		b.WriteString("\t\t\t;;\n")
	}
	b.WriteString("\t\tesac\n\t\t;;\n")
	p.bashValues(&b)
	b.WriteString("\tesac\n\n" + bashEnd)
	return b.Bytes()
}

// bashCommands returns the words that commands begin with, joined by spaces.
func (p *program) bashCommands(beginnings []string, next map[string][]string) (all []string) {
	for _, beginning := range beginnings {
		for _, word := range next[beginning] {
			all = append(all, strings.TrimSpace(beginning+" "+word))
		}
	}
	if p.find(helpCommand) != nil {
		for _, command := range slices.Clone(all) {
			all = append(all, helpCommand+" "+command)
		}
	}
	return all
}

// bashValues writes a case for each option that has a value.
func (p *program) bashValues(b *bytes.Buffer) {
	files := p.spellings((*option).file)
	fmt.Fprintf(b, "\t%s)\n\t\tcompopt -o filenames 2>/dev/null\n\t\twhile IFS= read -r word; do\n\t\t\tCOMPREPLY+=(\"$word\")\n\t\tdone < <(compgen -f -- \"$current\")\n\t\t;;\n", strings.Join(files, " | "))
	for _, o := range p.options(func(o *option) bool { return o.values != "" || o.keyring != "" }) {
		pattern := strings.Join(o.spellings(), " | ")
		switch {
		case o.keyring != "":
			fmt.Fprintf(b, "\t%s) _auth_service_add_names \"$current\" \"${words[0]}\" \"$keyring\" %s ;;\n", pattern, o.keyring)
		case o.list():
			fmt.Fprintf(b, "\t%s) _auth_service_add_list \"$current\" %s ;;\n", pattern, o.values)
		default:
			bashAdd(b, "\t", pattern, strings.Fields(o.values))
		}
	}
}

func bashAdd(b *bytes.Buffer, indent, pattern string, candidates []string) {
	fmt.Fprintf(b, "%s%s) _auth_service_add \"$current\" %s ;;\n", indent, pattern, strings.Join(candidates, " "))
}

func quoted(texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return all
}

func dashed(c *command) (names []string) {
	for _, o := range c.options {
		names = append(names, "--"+o.long)
	}
	return names
}
