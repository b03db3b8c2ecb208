package core_test

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestPlaces: a request carries one token, in one of the places that are accepted.
func TestPlaces(t *testing.T) {
	const token, colons = "a-token", "a:token:with:colons"
	k, err := core.NewKeyring(rand.Reader, nil, []core.Entry{entryOf("ann", token), entryOf("bob", colons)})
	if err != nil {
		t.Fatal(err)
	}
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	const both = core.Bearer | core.Basic
	type fields [][]string // values by the index of the field
	for _, tt := range []struct {
		name          string
		schemes       core.Schemes
		authorization []string
		fields        fields
		want          core.Reason
	}{
		{"Bearer is the default", 0, []string{"Bearer " + token}, nil, core.Granted},
		{"Basic is not", 0, []string{basic("ann:" + token)}, nil, core.Malformed},
		{"Basic", core.Basic, []string{basic("ann:" + token)}, nil, core.Granted},
		{"Basic alone", core.Basic, []string{"Bearer " + token}, nil, core.Malformed},
		{"either, Bearer", both, []string{"bearer\t" + token}, nil, core.Granted},
		{"either, Basic", both, []string{"bASIC  \t" + basic(":" + token)[6:]}, nil, core.Granted},
		{"user name as the token", core.Basic, []string{basic(token + ":")}, nil, core.Granted},
		{"user name as the token, without a colon", core.Basic, []string{basic(token)}, nil, core.Malformed},
		{"both halves", core.Basic, []string{basic(token + ":" + token + "x")}, nil, core.Unknown},
		{"no halves", core.Basic, []string{basic(":")}, nil, core.Malformed},
		{"colons in the token", core.Basic, []string{basic("bob:" + colons)}, nil, core.Granted},
		{"colons in the token as user name", core.Basic, []string{basic(colons + ":")}, nil, core.Unknown},
		{"not UTF-8", core.Basic, []string{basic("\xff\xfe:" + token)}, nil, core.Granted},
		{"whitespace in the password", core.Basic, []string{basic("ann: " + token)}, nil, core.Unknown},
		{"a line end behind it", core.Basic, []string{basic("ann:" + token + "\n")}, nil, core.Unknown},
		{"no credentials", core.Basic, []string{"Basic"}, nil, core.Malformed},
		{"whitespace within", core.Basic, []string{"Basic YW5u OmEtdG9rZW4="}, nil, core.Malformed},
		{"no padding", core.Basic, []string{strings.TrimRight(basic("ann:"+token), "=")}, nil, core.Malformed},
		{"too much padding", core.Basic, []string{basic("ann:"+token) + "===="}, nil, core.Malformed},
		{"the alphabet for URLs", core.Basic, []string{"Basic -_-_"}, nil, core.Malformed},
		{"twice", both, []string{"Bearer " + token, basic("ann:" + token)}, nil, core.Malformed},
		{"twice, one empty", both, []string{"Bearer " + token, ""}, nil, core.Malformed},

		{"a field", core.NoScheme, nil, fields{{token}}, core.Granted},
		{"a field, whitespace around it", core.NoScheme, nil, fields{{"\t " + token + " "}}, core.Granted},
		{"a field with a scheme", core.NoScheme, nil, fields{{"Bearer " + token}}, core.Unknown},
		{"a field, wrong", core.NoScheme, nil, fields{{"x"}}, core.Unknown},
		{"a field, empty", core.NoScheme, nil, fields{{""}}, core.Missing},
		{"a field twice", core.NoScheme, nil, fields{{token, token}}, core.Malformed},
		{"a field twice, first empty", core.NoScheme, nil, fields{{"", token}}, core.Malformed},
		{"a field twice, both empty", core.NoScheme, nil, fields{{"", " "}}, core.Malformed},
		{"two fields", core.NoScheme, nil, fields{{token}, {token}}, core.Malformed},
		{"two fields, one empty", core.NoScheme, nil, fields{{" "}, {token}}, core.Granted},
		{"a field, and Authorization that is not accepted", core.NoScheme, []string{"Bearer x", "Bearer y"}, fields{{token}}, core.Granted},
		{"Authorization that is not accepted", core.NoScheme, []string{"Bearer " + token}, nil, core.Missing},
		{"a field and Bearer", core.Bearer, []string{"Bearer " + token}, fields{{token}}, core.Malformed},
		{"a field and Basic", both, []string{basic("ann:" + token)}, fields{{token}}, core.Malformed},
		{"a field and a malformed credential", core.Bearer, []string{"Bearer"}, fields{{token}}, core.Malformed},
		{"a field and malformed base64", core.Basic, []string{"Basic ?"}, fields{{token}}, core.Malformed},
		{"a field and an empty Authorization", core.Bearer, []string{""}, fields{{token}}, core.Granted},
		{"a field and a scheme that is not accepted", core.Bearer, []string{"Digest x"}, fields{{token}}, core.Granted},
		{"an empty field and Bearer", core.Bearer, []string{"Bearer " + token}, fields{{""}}, core.Granted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := core.Request{Schemes: tt.schemes, AuthorizationCount: len(tt.authorization)}
			if len(tt.authorization) > 0 {
				r.Authorization = []byte(tt.authorization[0])
			}
			for i, values := range tt.fields {
				for _, value := range values {
					r.AddField(i, []byte(value))
				}
			}
			if d := k.Authorize(r); d.Reason != tt.want {
				t.Errorf("%s, want %s", d.Reason, tt.want)
			}
		})
	}
}
