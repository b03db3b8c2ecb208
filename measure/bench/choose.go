package main

import (
	"fmt"
	"slices"
	"strings"
)

// scalingName is what -only calls the measurement of more loops.
const scalingName = "scaling"

// choice is what a run measures.
type choice struct {
	backends []*backend
	columns  []column
	scaling  bool
	names    []string // of -only
}

// named reports whether -only has a name.
func (c *choice) named(name string) bool { return slices.Contains(c.names, name) }

// choose returns what a list of names leaves of everything.
func choose(only string) (*choice, error) {
	c := &choice{backends: allBackends(), columns: columns, scaling: true}
	if only == "" {
		return c, nil
	}
	c.names = strings.Split(only, ",")
	c.scaling = c.named(scalingName)
	isNamed := func(b *backend) bool { return c.named(b.Name) }
	known := 0
	for _, candidate := range columns {
		if c.named(candidate.Key) {
			known++
		}
	}
	for _, b := range c.backends {
		if isNamed(b) {
			known++
		}
	}
	if c.scaling {
		known++
	}
	if known != len(c.names) {
		return nil, fmt.Errorf("-only %s: the backends are %s, the columns %s, and there is %s", only,
			listed(c.backends, func(b *backend) string { return b.Name }),
			listed(columns, func(c column) string { return c.Key }), scalingName)
	}
	if slices.ContainsFunc(columns, func(candidate column) bool { return c.named(candidate.Key) }) || only == scalingName {
		c.columns = without(columns, func(candidate column) bool { return !c.named(candidate.Key) })
	}
	if slices.ContainsFunc(c.backends, isNamed) {
		c.backends = without(c.backends, func(b *backend) bool { return b.Name != anchorName && !isNamed(b) })
	}
	// What answers in none of the columns is not started.
	c.backends = without(c.backends, func(b *backend) bool {
		inScaling := c.scaling && (b.Name == anchorName || b.Name == subjectName)
		return !inScaling && !slices.ContainsFunc(c.columns, b.answers)
	})
	return c, nil
}

func without[T any](all []T, unwanted func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), unwanted)
}

func listed[T any](all []T, name func(T) string) string { return listedWith(all, ", ", name) }

func listedWith[T any](all []T, separator string, name func(T) string) string {
	names := make([]string, len(all))
	for i, one := range all {
		names[i] = name(one)
	}
	return strings.Join(names, separator)
}
