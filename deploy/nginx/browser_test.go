package nginx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/browsertest"
)

// A browser asks for a password where Basic is accepted, and shows the page to whoever
// has a token.
func TestBrowser(t *testing.T) {
	t.Parallel()
	basic := browsertest.Challenge{Scheme: "basic", Realm: "auth-service"}
	seen := `"X-Auth-Request-User":["default"]`
	t.Run("through nginx", func(t *testing.T) {
		t.Parallel()
		site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=bearer,basic"))
		page := "http://" + site.Address + "/page"
		c := browsertest.Start(t)

		// Somebody who gives up, and somebody who has the wrong password.
		for _, passwords := range [][]string{nil, {proxytest.Stranger}} {
			v := c.Visit(page, passwords...)
			want := slices.Repeat([]browsertest.Challenge{basic}, len(passwords)+1)
			if !slices.Equal(v.Asked, want) || v.Status != 401 || strings.Contains(v.Text, seen) {
				t.Errorf("with %d passwords: %v", len(passwords), v)
			}
		}
		if n := site.Backend.Requests(); n != 0 {
			t.Errorf("%d requests reached the backend", n)
		}
		v := c.Visit(page, proxytest.Stranger, proxytest.Token)
		if !slices.Equal(v.Asked, []browsertest.Challenge{basic, basic}) || v.Status != 200 || !strings.Contains(v.Text, seen) || strings.Contains(v.Text, "Authorization") {
			t.Errorf("with a token: %v", v)
		}
		// From now on, it sends the token without asking.
		if v := c.Visit(page + "/another"); len(v.Asked) != 0 || v.Status != 200 || !strings.Contains(v.Text, seen) {
			t.Errorf("another page: %v", v)
		}
	})
	t.Run("both challenges", func(t *testing.T) {
		t.Parallel()
		service := proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=bearer,basic", "REALM=The app")
		v := browsertest.Start(t).Visit("http://"+service.Address+"/auth", proxytest.Token)
		if !slices.Equal(v.Asked, []browsertest.Challenge{{Scheme: "basic", Realm: "The app"}}) || v.Status != 200 {
			t.Error(v)
		}
	})
	t.Run("by default", func(t *testing.T) {
		t.Parallel()
		site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable))
		v := browsertest.Start(t).Visit("http://"+site.Address+"/", proxytest.Token)
		if len(v.Asked) != 0 || v.Status != 401 {
			t.Error(v)
		}
	})
}
