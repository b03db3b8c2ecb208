package nginx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// behindNginx runs a proxy in front of a service with the environment.
func behindNginx(t *testing.T, environment ...string) *proxytest.Site {
	t.Helper()
	return start(t, "recommended.conf", proxytest.StartService(t, environment...))
}

const expired = "expires=2026-01-31"

// keyringOf writes a keyring in which "grafana" has Metrics.
func keyringOf(t *testing.T, attributes ...string) (variable string) {
	t.Helper()
	return "AUTH_SERVICE_KEYRING=" + proxytest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), tokentest.KeyringLine("grafana", proxytest.Metrics, attributes...))
}

// TestTokenTroubles: each mistake about a token leads to what docs/troubleshooting.md
// says.
func TestTokenTroubles(t *testing.T) {
	t.Parallel()
	oneToken := func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return behindNginx(t, proxytest.TokenVariable)
	}
	sends := func(field, right string) proxytest.Trouble {
		return proxytest.Trouble{Start: oneToken, Fields: []string{field}, Right: right}
	}
	const right = "Authorization: Bearer TOKEN"
	valid, known := proxytest.Bearer(proxytest.Token), []string{proxytest.Bearer(proxytest.Metrics)}
	proxytest.CheckTroubles(t, "Tokens", map[string]proxytest.Trouble{
		"Authorization: TOKEN":          sends("Authorization: "+proxytest.Token, right),
		`Authorization: Bearer "TOKEN"`: sends(`Authorization: Bearer "`+proxytest.Token+`"`, right),
		"Authorization: Bearer TOKE":    sends(valid[:len(valid)-1], "auth-service token verify"),
		"curl -u user:TOKEN":            sends(proxytest.Basic("user", proxytest.Token), "ACCEPT=bearer,basic"),
		"X-API-Key: TOKEN":              sends("X-API-Key: "+proxytest.Token, "ACCEPT=bearer,header:X-API-Key"),
		expired: {Right: "auth-service token rotate grafana", Fields: known, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return behindNginx(t, keyringOf(t, wrong), proxytest.TokenVariable)
		}},
		"scope=metrics": {Path: "/metrics", Fields: known, Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			return start(t, "scopes.conf", proxytest.StartService(t, keyringOf(t, "scope=deploy")))
		}, Then: func(t *testing.T, site *proxytest.Site) {
			t.Helper()
			challenge := proxytest.Get(t, site.Address, "/metrics", known...).Header.Get("WWW-Authenticate")
			if !strings.Contains(challenge, `scope="metrics"`) {
				t.Errorf("the client gets %s", challenge)
			}
		}},
	})
}

// TestServiceTroubles: each mistake about the service leads to what docs/troubleshooting.md
// says.
func TestServiceTroubles(t *testing.T) {
	t.Parallel()
	// set runs the service with the variable that the row shows, or the environment.
	set := func(right string, environment ...string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			if environment == nil {
				environment = []string{strings.Replace(strings.Replace(wrong, "TOKEN\"", proxytest.Token+`"`, 1), "/etc/auth-service", t.TempDir(), 1)}
			}
			return behindNginx(t, environment...)
		}}
	}
	// changed runs a service whose keyring becomes another one.
	changed := func(text string, link bool, after string) proxytest.Trouble {
		return proxytest.Trouble{Fields: []string{proxytest.Bearer(proxytest.Deploy)}, Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			keyring := keyringOf(t)
			_, path, _ := strings.Cut(keyring, "=")
			if link { // a mount of the file shows the same file under another name, too
				if err := os.Link(path, path+".mounted"); err != nil {
					t.Fatal(err)
				}
				keyring += ".mounted"
			}
			site := behindNginx(t, keyring)
			proxytest.WriteFile(t, path, tokentest.KeyringLine("grafana", proxytest.Metrics)+text)
			if after != "" {
				site.Service.AwaitLog(t, after)
			}
			return site
		}, Then: func(t *testing.T, site *proxytest.Site) {
			t.Helper()
			if got := proxytest.Get(t, site.Address, "/", proxytest.Bearer(proxytest.Metrics)).Status; got != 200 {
				t.Errorf("a token that is in force: status %d", got)
			}
			if log := site.Service.Log.String(); !link && !strings.Contains(log, "keyring:2: ") {
				t.Errorf("the log says %s", log)
			}
		}}
	}
	added := tokentest.KeyringLine("ci", proxytest.Deploy)
	everyToken := set("auth-service token rotate grafana", "")
	everyToken.Fields = []string{proxytest.Bearer(proxytest.Metrics)}
	everyToken.Start = func(t *testing.T, wrong string) *proxytest.Site {
		t.Helper()
		return behindNginx(t, keyringOf(t, wrong))
	}
	proxytest.CheckTroubles(t, "The service", map[string]proxytest.Trouble{
		"AUTH_SERVICE_TOKEN":                            set("", "AUTH_SERVICE_TOKEN="),
		"AUTH_SERVICE_TOKEN=short":                      set(""),
		"AUTH_SERVICE_KEYRNG=/etc/auth-service/keyring": set("AUTH_SERVICE_KEYRING=/etc/auth-service/keyring"),
		"AUTH_SERVICE_KEYRING=/etc/auth-service/none":   set("AUTH_SERVICE_KEYRING=/etc/auth-service/keyring"),
		`AUTH_SERVICE_TOKEN="TOKEN"`:                    set("AUTH_SERVICE_TOKEN=TOKEN"),
		"sha265:…":                                      changed(strings.Replace(added, "sha256", "sha265", 1), false, "reload failed"),
		"subPath: keyring":                              changed(added, true, ""),
		expired:                                         everyToken,
	})
}
