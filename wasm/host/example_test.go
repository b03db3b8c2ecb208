package host_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/tetratelabs/wazero"

	"github.com/concrete-security/auth-service/wasm/host"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// A handler behind the verifier.
func ExampleVerifier_Handler() {
	ctx := context.Background()
	module, err := modules.Load("reactor") // or os.ReadFile("auth-service-reactor.wasm")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Compiled code can be kept: wazero.NewCompilationCacheWithDir.
	cache := wazero.NewCompilationCache()
	defer cache.Close(ctx)

	verifier, err := host.Compile(ctx, module, host.Options{Cache: cache})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer verifier.Close(ctx)
	// printf %s my-development-token-32-chars-min | sha256sum
	err = verifier.Configure(ctx, []byte(
		"ci sha256:452dcec5b0c843e39400efb152683b75968eac236432a7773415c13585233736 scope=metrics\n"))
	if err != nil {
		fmt.Println(err)
		return
	}

	metrics := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "metrics for %s", r.Header.Get("X-Auth-Request-User"))
	})
	protected := verifier.Handler(metrics, "metrics")

	for _, token := range []string{"my-development-token-32-chars-min", "another-token"} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		protected.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
	}
	// Output:
	// 200  metrics for ci
	// 401 Bearer
}
