package guard_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/guard"
)

// The lines of a keyring for the tokens of these examples. Make your own with
// «auth-service token new».
const lines = `ci sha256:b671a472e35e3265f56c33a442cdd6914fcb64b5d69010a67563897c46202a21 scope=metrics,deploy
`

// get asks a handler for a page.
func get(handler http.Handler, token string) {
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Printf("%d %q %q\n", w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
}

// A program protects a handler with the tokens of a keyring file.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "keyring")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	g, err := guard.Open(ctx, path) // reads the file, and again when it changes, until ctx is done
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "for "+r.Header.Get("X-Auth-Request-User"))
	})
	mux := http.NewServeMux()
	mux.Handle("/metrics", g.Handler(metrics, "metrics"))

	get(mux, "the-token-of-the-continuous-integration")
	get(mux, "another-token")
	// Output:
	// 200 "" "for ci"
	// 401 "Bearer" ""
}

// A program that reads its keyring from elsewhere hands it over.
func ExampleNew() {
	entries, err := core.ParseKeyring([]byte(lines))
	if err != nil {
		fmt.Println(err)
		return
	}
	keyring, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		fmt.Println(err)
		return
	}
	g := guard.New(keyring)
	get(g.Handler(http.NotFoundHandler(), "admin"), "the-token-of-the-continuous-integration")
	// Output: 403 "Bearer error=\"insufficient_scope\", scope=\"admin\"" ""
}

// A handler asks who calls it.
func ExampleDecisionFrom() {
	var g guard.Guard // denies every request: it has no keyring
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, guard.DecisionFrom(r.Context()).Principal)
	})
	get(g.Handler(whoami), "the-token-of-the-continuous-integration")

	entries, err := core.ParseKeyring([]byte(lines))
	if err != nil {
		fmt.Println(err)
		return
	}
	keyring, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		fmt.Println(err)
		return
	}
	g.SetKeyring(keyring)
	get(g.Handler(whoami), "the-token-of-the-continuous-integration")
	// Output:
	// 500 "" ""
	// 200 "" "ci"
}

// A program that is no [http.Handler] asks for the decision alone.
func ExampleGuard_Check() {
	var g guard.Guard
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	d := g.Check(r, "metrics")
	fmt.Println(d.Granted(), d.Status(), d.Reason)
	// Output: false 500 unconfigured
}
