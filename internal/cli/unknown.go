package cli

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// The variables of this program alone have this in their names. Other programs may
// have variables with the names of the rest, such as HOST.
const ownPrefix = "AUTH_SERVICE_"

// maxUnknown is how many unknown variables UnknownVariables names.
const maxUnknown = 10

// maxShownName is the length of the longest variable whose name is shown. Somebody
// may have forgotten the = between a name and a token.
const maxShownName = 31

// UnknownVariables returns a warning for each variable of the environment that has the
// name of a setting of this program but is none, up to ten. No warning has a value in
// it. The environment has the form of [os.Environ]. Variables that Kubernetes and
// Docker set for a service called auth-service do not count.
func UnknownVariables(environment []string) (warnings []string) {
	known := []string{TokenVariable}
	for flag := range environmentFlags(new(CommandLine)) {
		known = append(known, flag.variable)
	}
	more := 0
	for _, variable := range slices.Sorted(slices.Values(environment)) {
		name, value, _ := strings.Cut(variable, "=")
		upper := strings.ToUpper(name)
		if rest := strings.TrimPrefix(upper, "MIN_"); !strings.HasPrefix(rest, ownPrefix) || strings.TrimSpace(value) == "" {
			continue
		}
		// Names on Windows are equal whatever their case.
		if slices.Contains(known, name) || runtime.GOOS == "windows" && slices.Contains(known, upper) || isServiceLink(name, value) {
			continue
		}
		if len(warnings) == maxUnknown {
			more++
			continue
		}
		text := name
		if len(name) > maxShownName {
			text = "a variable that starts with " + ownPrefix
		}
		text += " is not a setting"
		if near := nearestVariable(upper, known); near != "" {
			text += "; did you mean " + near + "?"
		}
		warnings = append(warnings, text)
	}
	if more > 0 {
		warnings = append(warnings, fmt.Sprintf("%d more variables that start with %s are not settings", more, ownPrefix))
	}
	return warnings
}

// nearestVariable compares what is left of the names without the prefix, so that
// AUTH_SERVICE_PORT is near PORT.
func nearestVariable(upper string, known []string) string {
	rests := make([]string, len(known))
	for i, name := range known {
		rests[i] = strings.Replace(name, ownPrefix, "", 1)
	}
	near := Nearest(strings.Replace(upper, ownPrefix, "", 1), rests)
	if near == "" {
		return ""
	}
	return known[slices.Index(rests, near)]
}

// isServiceLink reports whether a variable is one that Kubernetes sets in every pod of
// a namespace with a Service called auth-service, or auth-service-NAME, or that Docker
// sets in a container that is linked to one of this name:
//
//	AUTH_SERVICE_SERVICE_HOST, AUTH_SERVICE_SERVICE_PORT, AUTH_SERVICE_SERVICE_PORT_HTTP,
//	AUTH_SERVICE_PORT=tcp://…, AUTH_SERVICE_PORT_8081_TCP, …_PROTO, …_PORT, …_ADDR,
//	AUTH_SERVICE_NAME=/web/auth-service, AUTH_SERVICE_ENV_…
func isServiceLink(name, value string) bool {
	rest := strings.TrimPrefix(name, ownPrefix)
	if rest == "NAME" {
		return strings.HasPrefix(value, "/")
	}
	if strings.HasPrefix(rest, "ENV_") {
		return true
	}
	words := strings.Split(rest, "_")
	for i := range words {
		switch tail := words[i:]; {
		case tail[0] == "SERVICE" && len(tail) == 2 && tail[1] == "HOST",
			tail[0] == "SERVICE" && len(tail) > 1 && tail[1] == "PORT":
			return true
		case tail[0] == "PORT" && len(tail) == 1:
			return strings.Contains(value, "://") // somebody may have meant PORT
		case tail[0] == "PORT" && len(tail) > 2 && isProtocol(tail[2]) && strings.Trim(tail[1], "0123456789") == "":
			return len(tail) == 3 || len(tail) == 4 && slices.Contains([]string{"PROTO", "PORT", "ADDR"}, tail[3])
		}
	}
	return false
}

func isProtocol(word string) bool { return word == "TCP" || word == "UDP" || word == "SCTP" }
