package nginx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// A browser asks for a password where Basic is accepted, and shows the page to whoever
// has a token.
func TestBrowser(t *testing.T) {
	t.Parallel()
	basic := challenge{"basic", "auth-service"}
	seen := `"X-Auth-Request-User":["default"]`
	t.Run("through nginx", func(t *testing.T) {
		t.Parallel()
		site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=bearer,basic"))
		page := "http://" + site.Address + "/page"
		c := startChromium(t)

		// Somebody who gives up, and somebody who has the wrong password.
		for _, passwords := range [][]string{nil, {proxytest.Stranger}} {
			v := c.visit(page, passwords...)
			want := slices.Repeat([]challenge{basic}, len(passwords)+1)
			if !slices.Equal(v.asked, want) || v.status != 401 || strings.Contains(v.text, seen) {
				t.Errorf("with %d passwords: %v", len(passwords), v)
			}
		}
		if n := site.Backend.Requests(); n != 0 {
			t.Errorf("%d requests reached the backend", n)
		}
		v := c.visit(page, proxytest.Stranger, proxytest.Token)
		if !slices.Equal(v.asked, []challenge{basic, basic}) || v.status != 200 || !strings.Contains(v.text, seen) || strings.Contains(v.text, "Authorization") {
			t.Errorf("with a token: %v", v)
		}
		// From now on, it sends the token without asking.
		if v := c.visit(page + "/another"); len(v.asked) != 0 || v.status != 200 || !strings.Contains(v.text, seen) {
			t.Errorf("another page: %v", v)
		}
	})
	t.Run("both challenges", func(t *testing.T) {
		t.Parallel()
		service := proxytest.StartService(t, proxytest.TokenVariable, "ACCEPT=bearer,basic", "REALM=The app")
		v := startChromium(t).visit("http://"+service.Address+"/auth", proxytest.Token)
		if !slices.Equal(v.asked, []challenge{{"basic", "The app"}}) || v.status != 200 {
			t.Error(v)
		}
	})
	t.Run("by default", func(t *testing.T) {
		t.Parallel()
		site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable))
		v := startChromium(t).visit("http://"+site.Address+"/", proxytest.Token)
		if len(v.asked) != 0 || v.status != 401 {
			t.Error(v)
		}
	})
}
