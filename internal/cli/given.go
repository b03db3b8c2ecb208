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

// settle returns the value of a setting and notes how it was given. The flag comes
// before the variable, and the variable before the fallback. Whitespace around a
// value is not part of it, and a value of whitespace alone is not set.
func (g Given) settle(variable, flag, flagValue, fallback string) string {
	if value := strings.TrimSpace(flagValue); value != "" {
		g[variable] = "--" + flag
		return value
	}
	if value := strings.TrimSpace(os.Getenv(variable)); value != "" {
		g[variable] = variable
		return value
	}
	return fallback
}

// settleFlags settles all flags of a command that can be given as variables. To kong,
// the value of a variable is the flag's, so the path of the parsed command line says
// which flags it has.
func (g Given) settleFlags(parsed *kong.Context) {
	used := map[*kong.Flag]bool{}
	for _, step := range parsed.Path {
		if step.Flag != nil && !step.Resolved {
			used[step.Flag] = true
		}
	}
	for _, flag := range parsed.Flags() {
		if len(flag.Envs) == 0 {
			continue
		}
		flagValue := ""
		if used[flag] {
			flagValue = flag.Target.String()
		}
		flag.Target.SetString(g.settle(flag.Envs[0], flag.Name, flagValue, flag.Default))
	}
}
