package core_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
)

func TestParseKeyring(t *testing.T) {
	layerOf := map[string]string{}
	for _, v := range vectors.Keyrings() {
		t.Run(v.Name, func(t *testing.T) {
			text := bytes.Clone(v.Text)
			entries, err := core.ParseKeyring(text)
			if !bytes.Equal(text, v.Text) {
				t.Error("parsing changed the text")
			}
			if v.Error == nil {
				if err != nil {
					t.Fatalf("%s: %v", v.Comment, err)
				}
				compareEntries(t, entries, v.Entries)
				return
			}
			if entries != nil {
				t.Errorf("%d entries beside an error", len(entries))
			}
			parseErr, ok := errors.AsType[*core.ParseError](err)
			if !ok {
				t.Fatalf("%s: error %v, want one of %s", v.Comment, err, v.Error.Layer)
			}
			if parseErr.Line != v.Error.Line {
				t.Errorf("%s: line %d, want %d", v.Comment, parseErr.Line, v.Error.Line)
			}
			if !strings.Contains(parseErr.Reason, v.Error.Contains) {
				t.Errorf("%s: %q, want one with %q", v.Comment, parseErr.Reason, v.Error.Contains)
			}
			if v.Secret != nil && strings.Contains(err.Error(), string(v.Secret)) {
				t.Errorf("%s: the error repeats the secret", v.Comment)
			}
			// A message that two layers share would not tell which of them refused.
			if layer, ok := layerOf[parseErr.Reason]; ok && layer != v.Error.Layer {
				t.Errorf("%q is a message of %s and of %s", parseErr.Reason, layer, v.Error.Layer)
			}
			layerOf[parseErr.Reason] = v.Error.Layer
		})
	}
}

func compareEntries(t *testing.T, entries []core.Entry, want []string) {
	t.Helper()
	if len(entries) != len(want) {
		t.Fatalf("%d entries, want %d", len(entries), len(want))
	}
	for i, e := range entries {
		if e.String() != want[i] {
			t.Errorf("entry %d is %q, want %q", i, e, want[i])
		}
	}
}
