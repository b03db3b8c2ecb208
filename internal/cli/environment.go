package cli

import (
	"iter"
	"os"
	"reflect"
	"slices"
)

// FromEnvironment returns what the command line says if there are no arguments: serve,
// with the settings of the environment. [Parser.Parse] returns the same. But a parser
// has to be made first, and that takes as long as a fifth of a start.
func FromEnvironment() *CommandLine {
	line := &CommandLine{Given: Given{}}
	for flag := range environmentFlags(line) {
		flag.value.SetString(line.Given.settle(flag.variable, nil, flag.fallback))
	}
	return line
}

// Values returns what the process was given: its arguments, and the values of the
// variables that are not secret. Any of them may be quoted in an error.
func Values(arguments []string) []string {
	values := slices.Clone(arguments)
	for flag := range environmentFlags(new(CommandLine)) {
		values = append(values, os.Getenv(flag.variable))
	}
	return values
}

// An environmentFlag is a flag that can be given as an environment variable.
type environmentFlag struct {
	value    reflect.Value // a string
	variable string
	fallback string
}

// environmentFlags yields the flags of serve. They are all that the environment says.
func environmentFlags(line *CommandLine) iter.Seq[environmentFlag] {
	return func(yield func(environmentFlag) bool) {
		yieldFlags(reflect.ValueOf(&line.Serve).Elem(), yield)
	}
}

func yieldFlags(flags reflect.Value, yield func(environmentFlag) bool) bool {
	for field, value := range flags.Fields() {
		if field.Anonymous {
			if !yieldFlags(value, yield) {
				return false
			}
		} else if !yield(environmentFlag{value, field.Tag.Get("env"), field.Tag.Get("default")}) {
			return false
		}
	}
	return true
}
