package nginx_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/doctest"
)

// varying are the values of a line that are others each time.
var varying = regexp.MustCompile(`"(time|client|request_id|key)":"([0-9TZ:.-]+|[0-9a-f]{32}|[0-9a-f]{8})"`)

// TestLogExample: the lines that docs/operations.md shows are like those that the service
// writes.
func TestLogExample(t *testing.T) {
	t.Parallel()
	var page []string
	for _, b := range doctest.Blocks(t, "../../docs/operations.md") {
		if b.Heading == "Logs" && b.Language == "json" {
			page = strings.Split(strings.TrimSpace(b.Text), "\n")
		}
	}
	if len(page) != 2 {
		t.Fatalf("the page shows %d lines", len(page))
	}
	service := proxytest.StartService(t, "LOG_FORMAT=json", keyringOf(t, expired), proxytest.TokenVariable)
	const ask = "proxy_pass http://auth_service/auth"
	for i, right := range []string{ask, ask + "/"} {
		site := start(t, "recommended.conf", service, ask, right)
		proxytest.Send(t, site.Address, "GET /metrics?a=b HTTP/1.1\r\nHost: metrics.example.com\r\nConnection: close\r\n"+proxytest.Bearer(proxytest.Metrics)+"\r\n\r\n")
		want := varying.ReplaceAllString(page[i], `"$1":"…"`)
		proxytest.Await(t, "the line "+want, func() bool {
			return slices.Contains(strings.Split(varying.ReplaceAllString(service.Log.String(), `"$1":"…"`), "\n"), want)
		})
	}
}

// TestIngressNginxInLog: ingress-nginx asks with the client's own fields and these, so
// that a client can write the host and the path. The page says so.
func TestIngressNginxInLog(t *testing.T) {
	t.Parallel()
	const fields = `
        proxy_set_header Host auth-service.auth-service.svc.cluster.local;
        proxy_set_header X-Request-ID $request_id;
        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
        proxy_set_header X-Original-Method $request_method;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $remote_addr;
`
	service := proxytest.StartService(t, proxytest.TokenVariable)
	own := regexp.MustCompile(`(?m)^        proxy_set_header (X-|Authorization \$).*\n|^        proxy_pass_request_headers off;\n`)
	example := own.ReplaceAllString(read(t, "recommended.conf"), "") // and those for the backend, which is not asked
	site := start(t, proxytest.WriteFile(t, t.TempDir()+"/ingress.conf", strings.Replace(example, "        internal;\n", "        internal;\n"+fields, 1)), service)
	for field, line := range map[string]string{
		"X-Nothing: x":              "method=DELETE uri=/metrics request_id=",
		"X-Original-Method: FORGED": "method=DELETE uri=/metrics request_id=",
		"X-Real-IP: 192.0.2.1":      "client=127.0.0.1 method=DELETE uri=/metrics request_id=",
		"X-Original-URI: /forged":   "method=DELETE uri=/forged request_id=",
		"X-Forwarded-Host: forged":  "method=DELETE host=forged uri=/metrics request_id=",
	} {
		before := len(service.Log.String())
		proxytest.Send(t, site.Address, "DELETE /metrics?a=b HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n"+field+"\r\n\r\n")
		proxytest.Await(t, line, func() bool { return strings.Contains(service.Log.String()[before:], line) })
	}
}
