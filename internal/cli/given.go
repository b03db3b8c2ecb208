package cli

import (
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// Given says which settings somebody has set, and how: the name of the variable, or
// of the flag with its dashes, for each variable whose setting is set. A setting
// that has its default value is not in it.
type Given map[string]string

// Name returns the name by which an error calls the setting of a variable: the flag
// if that was used, else the variable.
func (g Given) Name(variable string) string {
	if name, set := g[variable]; set {
		return name
	}
	return variable
}

// Has reports whether somebody has set the setting of a variable.
func (g Given) Has(variable string) bool { return g[variable] != "" }

// settle returns the value of a setting and notes how it was given: by the flag or
// else by the variable. The flag is nil if it was not used. Whitespace around a value
// is not part of it. A value of whitespace alone is not set, so an empty flag takes
// back what the variable says.
func (g Given) settle(variable string, flag *kong.Flag, fallback string) string {
	name, value := variable, os.Getenv(variable)
	if flag != nil {
		name, value = "--"+flag.Name, flag.Target.String()
	}
	if value = strings.TrimSpace(value); value == "" {
		return fallback
	}
	g[variable] = name
	return value
}

// settleFlags settles all flags of a command that can be given as variables. To kong,
// the value of a variable is the flag's, so the path of the parsed command line says
// which flags it has.
func (g Given) settleFlags(parsed *kong.Context) {
	used := map[*kong.Flag]*kong.Flag{}
	for _, step := range parsed.Path {
		if step.Flag != nil && !step.Resolved {
			used[step.Flag] = step.Flag
		}
	}
	for _, flag := range parsed.Flags() {
		if len(flag.Envs) > 0 {
			flag.Target.SetString(g.settle(flag.Envs[0], used[flag], flag.Default))
		}
	}
}
