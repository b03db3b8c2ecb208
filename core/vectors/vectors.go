// Package vectors holds the cases that every build must decide alike: tables,
// embedded as data, and the code that runs a build against them. The native
// verifier, the server, the middleware and the WebAssembly modules all answer to the
// same tables, so none of them can drift away from the others.
//
// Strings in the tables stand for bytes; see [Text]. A table is decoded strictly. An
// unknown key, a repeated key, two cases of one name, or no case at all are errors of
// the table, and the functions that return a table panic. If a case means nothing to
// a build, the data says so and gives the reason. No case is left out silently.
package vectors

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

//go:embed testdata
var tables embed.FS

// A Build is one of the programs that the core is built into.
type Build string

// The builds.
const (
	// Core is the verifier itself, called as a Go package.
	Core Build = "core"
	// Server is the HTTP server.
	Server Build = "server"
	// Guard is the middleware for Go programs.
	Guard Build = "guard"
	// Reactor is the WASI module with the verifier's own ABI.
	Reactor Build = "reactor"
	// ProxyWasm is the proxy-wasm plugin.
	ProxyWasm Build = "proxywasm"
	// HTTPWasm is the http-wasm plugin.
	HTTPWasm Build = "httpwasm"
)

// Builds lists all builds.
func Builds() []Build { return []Build{Core, Server, Guard, Reactor, ProxyWasm, HTTPWasm} }

// exceptions says for which builds a case means nothing, and why.
type exceptions map[Build]string

func (e exceptions) check() error {
	for build, why := range e {
		if !slices.Contains(Builds(), build) {
			return fmt.Errorf("an exception for %q, which is no build", build)
		}
		if build == Core {
			return errors.New("an exception for the core, which everything else is measured by")
		}
		if why == "" {
			return fmt.Errorf("an exception for %s without a reason", build)
		}
	}
	return nil
}

// decodeStrict decodes one JSON value into v and refuses what encoding/json
// would pass over: unknown keys, repeated keys and trailing data.
func decodeStrict(data []byte, v any) error {
	if err := refuseRepeatedKeys(json.NewDecoder(bytes.NewReader(data))); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("data after the value")
	}
	return nil
}

// refuseRepeatedKeys reads one JSON value. Of a key that stands twice,
// encoding/json would keep the last value and lose an expectation.
func refuseRepeatedKeys(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	keys := map[json.Token]bool{}
	for d.More() {
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return err
			}
			if keys[key] {
				return fmt.Errorf("the key %q twice", key)
			}
			keys[key] = true
		}
		if err := refuseRepeatedKeys(d); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing bracket
	return err
}

// read returns the bytes of a table.
func read(name string) []byte {
	data, err := tables.ReadFile("testdata/" + name)
	if err != nil {
		panic(err)
	}
	return data
}

// checkNames reports the first fault of a table's names.
func checkNames[T any](cases []T, name func(*T) string) error {
	if len(cases) == 0 {
		return errors.New("no case at all")
	}
	seen := map[string]bool{}
	for i := range cases {
		n := name(&cases[i])
		switch {
		case n == "":
			return fmt.Errorf("case %d has no name", i)
		case seen[n]:
			return fmt.Errorf("two cases of the name %s", n)
		}
		seen[n] = true
	}
	return nil
}
