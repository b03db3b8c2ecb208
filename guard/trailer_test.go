package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/guard"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// A handler gets the trailer fields that the client announced, once it has read the
// body; an identity is not among them.
func TestTrailers(t *testing.T) {
	t.Parallel()
	g := guard.New(keyring(t, []byte(tokentest.KeyringLine("ann", aToken)), nil))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, early := r.Trailer["X-Sum"]
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%t %q %v %v %v", early, body, err, r.Trailer, r.Header["X-Auth-Request-User"])
	})
	for _, version := range []int{1, 2} {
		server := httptest.NewUnstartedServer(g.Handler(handler))
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		defer server.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.MultiReader(strings.NewReader("body")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+aToken)
		r.Trailer = http.Header{"X-Sum": {"4", "5"}, "X-Auth-Request-User": {"root"}, "X_auth_request_user": {"root"}}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.ProtoMajor != version || string(answer) != `true "body" <nil> map[X-Sum:[4 5]] [ann]` {
			t.Errorf("HTTP/%d: %s, %v", response.ProtoMajor, answer, err)
		}
	}
}
