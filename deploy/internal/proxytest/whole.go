package proxytest

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/tokentest"
)

// longest is a principal of the greatest length, with every kind of character.
var longest = "system:serviceaccount:a/b+c@example.com/" + strings.Repeat("x", 128-40)

// owners are those of the tokens of WholeService.
var owners = map[string]struct{ token, scopes, key string }{
	"grafana": {Metrics, "metrics", keyID(Metrics)},
	"ci":      {Deploy, "metrics deploy", keyID(Deploy)},
	longest:   {scopeless, "", keyID(scopeless)},
	"default": {Token, "*", "-"},
}

const scopeless = "a-token-of-the-tests-good-for-no-scope--"

func keyID(token string) string {
	credential := sha256.Sum256([]byte(token))
	return hex.EncodeToString(credential[:4])
}

// WholeKeyring returns the text of Keyring and a line for a token without scopes.
func WholeKeyring() string { return Keyring() + tokentest.KeyringLine(longest, scopeless) }

// WholeService starts a service that has Token, WholeKeyring and WholeVariable.
func WholeService(tb testing.TB) *Service {
	tb.Helper()
	keyring := WriteFile(tb, filepath.Join(tb.TempDir(), "keyring"), WholeKeyring())
	return StartService(tb, TokenVariable, "AUTH_SERVICE_KEYRING="+keyring, WholeVariable)
}

// CheckWhole checks a site whose service is WholeService, and whose configuration passes
// on the whole identity. Without a service, the proxy itself has WholeKeyring. Every
// token may ask for the path.
func (s *Site) CheckWhole(tb testing.TB, path string) {
	tb.Helper()
	s.Whole = true
	s.checkIdentity(tb, path)
	for user, owner := range owners {
		if owner.token == Token && s.Service == nil {
			continue
		}
		fields := append(spoofed[:len(spoofed):len(spoofed)], Bearer(owner.token))
		echo := s.Check(tb, Request{Name: user, Path: path, Fields: fields, Want: []int{200}}).Echo(tb)
		s.checkEcho(tb, user, echo, user)
	}
}

// Comments checks that an example has the texts in comments that begin with mark. What
// a test changes in an example must be what users are told to change.
func Comments(tb testing.TB, example, mark string, texts ...string) {
	tb.Helper()
	file, err := os.ReadFile(example)
	if err != nil {
		tb.Fatal(err)
	}
	for _, text := range texts {
		found := false
		for line := range strings.Lines(string(file)) {
			comment, ok := strings.CutPrefix(strings.TrimSpace(line), mark)
			found = found || ok && strings.Contains(comment, text)
		}
		if !found {
			tb.Errorf("no comment of %s says %s", example, text)
		}
	}
}
