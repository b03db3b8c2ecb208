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

		ServersTransports map[string]struct {
			ForwardingTimeouts struct {
				DialTimeout           string `json:"dialTimeout"`
				ResponseHeaderTimeout string `json:"responseHeaderTimeout"`
			} `json:"forwardingTimeouts"`
		} `json:"serversTransports"`
	} `json:"http"`
}

type router struct {
	EntryPoints []string `json:"entryPoints"`
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
		MaxResponseBodySize int64    `json:"maxResponseBodySize"`
	} `json:"forwardAuth"`
	Headers *struct {
		CustomRequestHeaders map[string]string `json:"customRequestHeaders"`
	} `json:"headers"`
}

type service struct {
	LoadBalancer struct {
		ServersTransport string `json:"serversTransport"`
		Servers          []struct {
			URL string `json:"url"`
		} `json:"servers"`
	} `json:"loadBalancer"`
}

// static is the part of Traefik's static configuration that the examples use.
type static struct {
	EntryPoints map[string]struct {
		Address string `json:"address"`
		HTTP    struct {
			AliasHeadersStrategy string          `json:"aliasHeadersStrategy"`
			SanitizePath         bool            `json:"sanitizePath"`
			EncodedCharacters    map[string]bool `json:"encodedCharacters"`
		} `json:"http"`
		ForwardedHeaders struct {
			TrustedIPs []string `json:"trustedIPs"`
		} `json:"forwardedHeaders"`
	} `json:"entryPoints"`
	Providers struct {
		File struct {
			Filename string `json:"filename"`
		} `json:"file"`
	} `json:"providers"`
}

func TestTraefik(t *testing.T) {
	t.Parallel()
	const service = "http://127.0.0.1:8081/auth"
	for example, wanted := range map[string]map[string]string{
		"dynamic.yml":         {"PathPrefix(`/`)": service},
		"dynamic-timeout.yml": {"PathPrefix(`/`)": "http://127.0.0.1:8082/auth"},
		"scopes.yml": {
			"Path(`/metrics`)":       service + "?scope=metrics",
			"PathPrefix(`/deploy/`)": service + "?scope=metrics&scope=deploy",
		},
	} {
		var d dynamic
		if err := yaml.UnmarshalStrict(read(t, "../../traefik/"+example), &d); err != nil {
			t.Fatal(example, err)
		}
		checked := 0
		for name, r := range d.HTTP.Routers {
			if len(d.HTTP.Services[r.Service].LoadBalancer.Servers) == 0 {
				t.Errorf("%s: %s: no service %q", example, name, r.Service)
			}
			if slices.Equal(r.EntryPoints, []string{"auth"}) {
				continue // for Traefik's own questions
			}
			checked++
			// The order matters: remove the client's fields, ask, remove the token.
			if len(r.Middlewares) != 3 || r.Middlewares[0] != "clean" || r.Middlewares[2] != "drop-token" {
				t.Fatalf("%s: %s: middlewares %q", example, name, r.Middlewares)
			}
			auth := d.HTTP.Middlewares[r.Middlewares[1]].ForwardAuth
			if auth == nil {
				t.Fatalf("%s: %s: %s is no forwardAuth", example, name, r.Middlewares[1])
			}
			if auth.Address != wanted[r.Rule] {
				t.Errorf("%s: %s asks %s, want %s", example, r.Rule, auth.Address, wanted[r.Rule])
			}
			if auth.TrustForwardHeader || auth.MaxResponseBodySize == 0 || !slices.Equal(auth.AuthRequestHeaders, []string{"Authorization"}) ||
				!slices.Equal(auth.AuthResponseHeaders, []string{"X-Auth-Request-User"}) {
				t.Errorf("%s: %s: %+v", example, r.Middlewares[1], *auth)
			}
		}
		if checked != len(wanted) {
			t.Errorf("%s: %d routers, want %d", example, checked, len(wanted))
		}
		headers := d.HTTP.Middlewares["clean"].Headers
		for _, name := range []string{"X-Auth-Request-User", "X-Auth-Request-Scopes", "X-Auth-Request-Key", "X-Auth-Scope"} {
			if value, ok := headers.CustomRequestHeaders[name]; !ok || value != "" {
				t.Errorf("%s: %s is not removed", example, name)
			}
		}
		if value, ok := d.HTTP.Middlewares["drop-token"].Headers.CustomRequestHeaders["Authorization"]; !ok || value != "" {
			t.Errorf("%s: the token is not removed", example)
		}
	}
}

func TestTraefikStatic(t *testing.T) {
	t.Parallel()
	for _, example := range []string{"../../traefik/traefik.yml", "../../traefik/traefik-timeout.yml"} {
		var s static
		if err := yaml.UnmarshalStrict(read(t, example), &s); err != nil {
			t.Fatal(example, err)
		}
		web := s.EntryPoints["web"].HTTP
		if web.AliasHeadersStrategy != "delete" || !web.SanitizePath || len(web.EncodedCharacters) != 7 {
			t.Errorf("%s: %+v", example, web)
		}
		for name, allowed := range web.EncodedCharacters {
			if allowed {
				t.Errorf("%s: %s", example, name)
			}
		}
		// Traefik's own questions come from it alone.
		if auth, ok := s.EntryPoints["auth"]; ok && !strings.HasPrefix(auth.Address, "127.0.0.1:") {
			t.Errorf("%s: the entry point auth is at %s", example, auth.Address)
		}
	}
}
