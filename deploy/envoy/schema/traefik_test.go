package schema_test

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// dynamic is the part of Traefik's dynamic configuration that the example uses,
// with the names of Traefik's reference. Traefik's own types are in a module
// that cannot be imported without all of its dependencies.
type dynamic struct {
	HTTP struct {
		Routers     map[string]router     `json:"routers"`
		Middlewares map[string]middleware `json:"middlewares"`
		Services    map[string]service    `json:"services"`
	} `json:"http"`
}

type router struct {
	Rule        string   `json:"rule"`
	Middlewares []string `json:"middlewares"`
	Service     string   `json:"service"`
}

type middleware struct {
	ForwardAuth *struct {
		Address             string   `json:"address"`
		TrustForwardHeader  bool     `json:"trustForwardHeader"`
		AuthResponseHeaders []string `json:"authResponseHeaders"`
		AuthRequestHeaders  []string `json:"authRequestHeaders"`
	} `json:"forwardAuth"`
	Headers *struct {
		CustomRequestHeaders map[string]string `json:"customRequestHeaders"`
	} `json:"headers"`
}

type service struct {
	LoadBalancer struct {
		Servers []struct {
			URL string `json:"url"`
		} `json:"servers"`
	} `json:"loadBalancer"`
}

func TestTraefik(t *testing.T) {
	t.Parallel()
	var d dynamic
	if err := yaml.UnmarshalStrict(read(t, "../../traefik/dynamic.yml"), &d); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]string{
		"Path(`/metrics`)":       "http://127.0.0.1:8081/auth?scope=metrics",
		"PathPrefix(`/deploy/`)": "http://127.0.0.1:8081/auth?scope=metrics&scope=deploy",
		"PathPrefix(`/`)":        "http://127.0.0.1:8081/auth",
	}
	if len(d.HTTP.Routers) != len(wanted) {
		t.Errorf("%d routers, want %d", len(d.HTTP.Routers), len(wanted))
	}
	for name, r := range d.HTTP.Routers {
		if len(d.HTTP.Services[r.Service].LoadBalancer.Servers) == 0 {
			t.Errorf("%s: no service %q", name, r.Service)
		}
		// The order decides: remove the client's, ask, remove the token.
		if len(r.Middlewares) != 3 || r.Middlewares[0] != "clean" || r.Middlewares[2] != "drop-token" {
			t.Fatalf("%s: middlewares %q", name, r.Middlewares)
		}
		auth := d.HTTP.Middlewares[r.Middlewares[1]].ForwardAuth
		if auth == nil {
			t.Fatalf("%s: %s is no forwardAuth", name, r.Middlewares[1])
		}
		if auth.Address != wanted[r.Rule] {
			t.Errorf("%s asks %s, want %s", r.Rule, auth.Address, wanted[r.Rule])
		}
		if auth.TrustForwardHeader || !slices.Equal(auth.AuthRequestHeaders, []string{"Authorization"}) ||
			!slices.Equal(auth.AuthResponseHeaders, []string{"X-Auth-Request-User"}) {
			t.Errorf("%s: %+v", r.Middlewares[1], *auth)
		}
	}
	removed := map[string]int{}
	for name, value := range d.HTTP.Middlewares["clean"].Headers.CustomRequestHeaders {
		if value != "" {
			t.Errorf("%s is set to %q, not removed", name, value)
		}
		removed[strings.ReplaceAll(name, "_", "-")]++
	}
	// Each "-" is written as either.
	if removed["X-Auth-Request-User"] != 8 || removed["X-Auth-Scope"] != 4 {
		t.Errorf("ways of writing that are removed: %v", removed)
	}
	if value, ok := d.HTTP.Middlewares["drop-token"].Headers.CustomRequestHeaders["Authorization"]; !ok || value != "" {
		t.Error("the token is not removed")
	}
}
