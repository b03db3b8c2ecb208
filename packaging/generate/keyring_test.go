package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestAttributes: the page names the attributes that core reads and writes, and no
// other.
func TestAttributes(t *testing.T) {
	t.Parallel()
	line, err := core.Entry{Principal: "p", Scopes: []string{"s"}, Expires: 1, Created: 1}.AppendLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	var written, named []string
	for _, field := range strings.Fields(string(line))[2:] {
		name, _, _ := strings.Cut(field, "=")
		written = append(written, name)
	}
	for _, a := range attributes() {
		named = append(named, a.name)
	}
	if !slices.Equal(written, named) {
		t.Errorf("core writes the attributes %q, and the page names %q", written, named)
	}
	if fields := reflect.TypeFor[core.Entry]().NumField(); fields != 2+len(named) {
		t.Errorf("an entry has %d fields, and the page names 2 and %d", fields, len(named))
	}
}

// TestSampleKeyring: the file in the page reads back as what it shows.
func TestSampleKeyring(t *testing.T) {
	t.Parallel()
	text, want := sampleKeyring()
	got, err := core.ParseKeyringFile([]byte(text))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
}
