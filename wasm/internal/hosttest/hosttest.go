// Package hosttest has what tests of the modules and of their logic share: plugin
// configurations, requests as a host passes them on, and what must come of them.
package hosttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// RightToken is the token of the keyrings that tests make, and WrongToken is in
// none. No piece of either occurs anywhere else, so that a scan of a memory finds
// nothing but tokens.
const (
	RightToken = "right-token-of-the-memory-tests-4711"
	WrongToken = "WRONG/TOKEN/of/the/memory/tests/0815"
)

// Configuration returns the configuration of a plugin for a verdict, in JSON.
func Configuration(v *vectors.Verdict) []byte {
	c := map[string]any{}
	if v.Keyring != nil {
		c["keyring"] = string(v.Keyring)
	}
	if v.Scopes != nil {
		c["scope"] = v.Scopes
	}
	if v.Accept != "" {
		c["accept"] = strings.Split(v.Accept, ",")
	}
	if v.Realm != "" {
		c["realm"] = v.Realm
	}
	if v.Identity != "" {
		c["identity"] = v.Identity // a list as one text
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // of strings
	}
	return b
}

// Ordinary returns a configuration in which RightToken is ann's and has the scope
// that is needed.
func Ordinary() []byte {
	return Configuration(&vectors.Verdict{
		Keyring: []byte(tokentest.KeyringLine("ann", RightToken, "scope=read")),
		Scopes:  []string{"read"},
	})
}

// ForwardConfiguration does for a forward what [Configuration] does for a verdict.
func ForwardConfiguration(f *vectors.Forward) []byte {
	b := Configuration(&vectors.Verdict{Keyring: f.Keyring, Accept: f.Accept, Identity: f.Identity})
	if f.Strip {
		b = append(b[:len(b)-1], `,"strip_authorization":true}`...)
	}
	return b
}

// BadConfigurations returns configurations that plugins refuse, by what is wrong. An
// error must not quote the word secret.
func BadConfigurations() map[string]string {
	line := strings.TrimSpace(tokentest.KeyringLine("ann", RightToken, ""))
	return map[string]string{
		"nothing":        "",
		"no JSON":        "keyring",
		"no keyring":     `{"scope": ["read"]}`,
		"empty keyring":  `{"keyring": ""}`,
		"comments":       `{"keyring": ["# secret"]}`,
		"broken keyring": `{"keyring": ["` + line + `", "bob secret-in-the-wrong-place"]}`,
		"another key":    `{"keyring": "` + line + `", "secret": 1}`,
		"a key twice":    `{"keyring": "` + line + `", "keyring": "` + line + `"}`,
		"no place":       `{"keyring": "` + line + `", "accept": []}`,
		"another place":  `{"keyring": "` + line + `", "accept": ["secret-place"]}`,
		"bad realm":      `{"keyring": "` + line + `", "realm": "secret\\"}`,
		"no identity":    `{"keyring": "` + line + `", "identity": ""}`,
		"no scope":       `{"keyring": "` + line + `", "scope": ["secret one"]}`,
		"too long":       `{"keyring": "` + line + strings.Repeat(" ", 1<<20) + `"}`,
	}
}

// RequestFields returns the fields of a verdict's request, and some that must mean
// nothing.
func RequestFields(v *vectors.Verdict) [][2]string {
	fields := [][2]string{
		{":path", "/"},
		{"x-auth-request-user", "root"},
		{"X-Auth_Request-User", "root"},
		{"x_auth_request_scopes", "*"},
		{"X-AUTH-REQUEST-KEY", "00000000"},
		{"authorization-x", "Bearer x"},
	}
	for _, value := range v.Authorization {
		fields = append(fields, [2]string{"Authorization", string(value)})
	}
	fields = append(fields, Pairs(v.Fields)...)
	return append(fields, [2]string{"x-auth-request-user", "admin"}, [2]string{"x-auth-request-scopes", "root"})
}

// CheckDenial compares the WWW-Authenticate fields of a denial with those that the
// server sends.
func CheckDenial(v *vectors.Verdict, challenges []string) error {
	if !slices.Equal(challenges, v.Expect.Challenges) {
		return fmt.Errorf("challenges %q, want %q", challenges, v.Expect.Challenges)
	}
	return nil
}

// Passed returns the outcome of a request that was let pass with these fields.
func Passed(fields [][2]string) vectors.Outcome {
	return vectors.Outcome{Status: 200, Principal: told(fields, "user"), Scopes: told(fields, "scopes"), Key: told(fields, "key")}
}

func told(fields [][2]string, what string) string { return strings.Join(identities(fields, what), ",") }

// Tell leaves in an outcome what is told of the owner of a token.
func Tell(v *vectors.Verdict, o *vectors.Outcome) {
	if !v.Tells("scopes") {
		o.Scopes = ""
	}
	if !v.Tells("key") {
		o.Key = ""
	}
}
