package hosttest

import (
	"bytes"
	"strings"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

// A HandedOver is what a host gives the reactor for a request.
type HandedOver struct {
	// Schemes is for accept.
	Schemes core.Schemes
	// Value is the Authorization value.
	Value []byte
}

// ambiguous is what a host hands over in the place of several credentials.
var ambiguous = HandedOver{Schemes: core.Bearer, Value: []byte("Bearer")}

// HandOver returns what a host must give the reactor for a verdict's request. It
// follows docs/reactor-abi.md to the letter.
func HandOver(v *vectors.Verdict) HandedOver {
	accept := core.Accept{Schemes: core.Bearer}
	if v.Accept != "" {
		var err error
		if accept, err = core.ParseAccept(v.Accept); err != nil {
			panic(err) // the table is wrong
		}
	}
	values := v.Authorization
	if accept.Schemes == core.NoScheme {
		accept.Schemes, values = core.Bearer, nil
	}
	if len(values) > 1 {
		return ambiguous
	}
	var tokens [][]byte
	for _, name := range accept.Fields {
		seen := 0
		for _, f := range v.Fields {
			if strings.EqualFold(f[0], name) {
				seen++
				if token := strings.Trim(f[1], " \t"); token != "" {
					tokens = append(tokens, []byte(token))
				}
			}
		}
		if seen > 1 {
			return ambiguous
		}
	}
	switch {
	case len(tokens) == 0:
		return HandedOver{accept.Schemes, bytes.Join(values, nil)}
	case len(tokens) > 1, len(values) > 0 && hasScheme(values[0], accept.Schemes):
		return ambiguous
	}
	return HandedOver{core.Bearer, append([]byte("Bearer "), tokens[0]...)}
}

// hasScheme reports whether a value begins with one of the schemes.
func hasScheme(value []byte, schemes core.Schemes) bool {
	scheme, _, _ := strings.Cut(strings.ReplaceAll(strings.Trim(string(value), " \t"), "\t", " "), " ")
	lower := strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}, scheme)
	return lower == "bearer" && schemes&core.Bearer != 0 || lower == "basic" && schemes&core.Basic != 0
}
