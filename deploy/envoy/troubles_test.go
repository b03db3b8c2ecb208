package envoy_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// TestTroubles: each mistake leads to what docs/troubleshooting.md says.
func TestTroubles(t *testing.T) {
	t.Parallel()
	const cluster = "    - name: auth_service\n"
	// instead runs an example with the mistake in place of the right text.
	instead := func(example, right string) proxytest.Trouble {
		return proxytest.Trouble{Right: right, Start: func(t *testing.T, wrong string) *proxytest.Site {
			t.Helper()
			return start(t, example, proxytest.StartService(t, proxytest.TokenVariable), right, wrong)
		}}
	}
	// extended runs the example with more in the cluster of the service.
	extended := func(question, more string) proxytest.Trouble {
		return proxytest.Trouble{Question: question, Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			return start(t, "envoy.yaml", proxytest.StartService(t, proxytest.TokenVariable), cluster, cluster+more)
		}}
	}
	prefix := instead("envoy.yaml", "path_prefix: /ext_authz")
	prefix.Question = check("GET", "/auth/some/where", "", proxytest.Bearer(proxytest.Token))
	scope := instead("scopes.yaml", "value: metrics")
	scope.Question = check("GET", "/ext_authz/metrics", "metric", proxytest.Bearer(proxytest.Metrics))
	scope.Path, scope.Fields = "/metrics", []string{proxytest.Bearer(proxytest.Metrics)}
	scope.Start = func(t *testing.T, wrong string) *proxytest.Site {
		t.Helper()
		return start(t, "scopes.yaml", proxytest.StartService(t, proxytest.KeyringVariable(t)), scope.Right+" }", wrong+" }")
	}
	long := instead("envoy.yaml", "")
	long.Path, long.Right = "/?q="+strings.Repeat("x", 8192), "MAX_HEADER_BYTES=16384"
	long.Question = check("GET", "/ext_authz"+long.Path, "", proxytest.Bearer(proxytest.Token))
	long.Start = func(t *testing.T, _ string) *proxytest.Site {
		t.Helper()
		return start(t, "envoy.yaml", proxytest.StartService(t, proxytest.TokenVariable))
	}
	proxytest.CheckTroubles(t, "Envoy", map[string]proxytest.Trouble{
		"path_prefix: /auth": prefix,
		"MAX_HEADER_BYTES":   long,
		"value: metric":      scope,
		"port_value: 8082": {Right: "port_value: 8081", Start: func(t *testing.T, _ string) *proxytest.Site {
			t.Helper()
			service := proxytest.StartService(t, proxytest.TokenVariable)
			return start(t, "envoy.yaml", service, "address: 127.0.0.1, port_value: 8081", "address: 127.0.0.1, port_value: "+proxytest.Port(t))
		}},
		"http2_protocol_options: {}": extended("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", `      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: { http2_protocol_options: {} }
`),
		"transport_socket": extended("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", `      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext }
`),
	})
}
