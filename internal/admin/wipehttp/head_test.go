package wipehttp

import (
	"net/http"
	"strings"
	"testing"
)

var testPaths = []string{"/metrics", "/ready"}

// prometheus is what Prometheus 3 sends.
const prometheus = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9081\r\nUser-Agent: Prometheus/3.5.0\r\n" +
	"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\r\n" +
	"Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\n\r\n"

func TestParse(t *testing.T) {
	metrics := question{method: "GET", path: "/metrics"}
	last := metrics
	last.last = true
	for name, tt := range map[string]struct {
		head  string
		want  question
		fault int
	}{
		"Prometheus": {prometheus, question{"GET", "/metrics", true, false}, 0},
		"Prometheus with protobuf": {
			"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.3\r\n\r\n",
			metrics, 0,
		},
		"curl":             {"GET /metrics HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n", metrics, 0},
		"Kubernetes":       {"GET /ready HTTP/1.1\r\nHost: 10.1.2.3:9081\r\nUser-Agent: kube-probe/1.34\r\nAccept: */*\r\nConnection: close\r\n\r\n", question{"GET", "/ready", false, true}, 0},
		"HEAD":             {"HEAD /ready HTTP/1.1\r\nHost: a\r\n\r\n", question{"HEAD", "/ready", false, false}, 0},
		"a query":          {"GET /metrics?token=x HTTP/1.1\r\nHost: a\r\n\r\n", metrics, 0},
		"absolute-form":    {"GET http://a:1/metrics HTTP/1.1\r\nHost: a\r\n\r\n", metrics, 0},
		"absolute, bare":   {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", question{"GET", "", false, false}, 0},
		"another path":     {"GET /metrics/ HTTP/1.1\r\nHost: a\r\n\r\n", question{"GET", "", false, false}, 0},
		"another method":   {"POST /metrics HTTP/1.1\r\nHost: a\r\n\r\n", question{"", "/metrics", false, false}, 0},
		"HTTP/1.0":         {"GET /metrics HTTP/1.0\r\n\r\n", last, 0},
		"a length of 0":    {"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", metrics, 0},
		"a body":           {"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", last, 0},
		"a chunked body":   {"GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", last, 0},
		"close in a list":  {"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", last, 0},
		"no gzip":          {"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0, br\r\n\r\n", metrics, 0},
		"gzip in a list":   {"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, GZIP ; q=0.1\r\n\r\n", question{"GET", "/metrics", true, false}, 0},
		"odd weights":      {"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=2, gzip;q=x, gzip;q=0.0001, gzip;q=\r\n\r\n", metrics, 0},
		"no Host":          {"GET /metrics HTTP/1.1\r\n\r\n", question{}, 400},
		"two Hosts":        {"GET /metrics HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", question{}, 400},
		"HTTP/2":           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", question{}, 505},
		"no version":       {"GET /metrics\r\n\r\n", question{}, 400},
		"a bare LF":        {"GET /metrics HTTP/1.1\nHost: a\n\n", question{}, 400},
		"a bare CR":        {"GET /metrics HTTP/1.1\r\nHost: a\rb\r\n\r\n", question{}, 400},
		"a folded line":    {"GET /metrics HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", question{}, 400},
		"no colon":         {"GET /metrics HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", question{}, 400},
		"a space in front": {"GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n", question{}, 400},
		"a NUL":            {"GET /metrics HTTP/1.1\r\nHost: a\r\nX: \x00", question{}, 400},
		"TLS":              {"\x16\x03\x01\x02\x00\x01", question{}, 400},
	} {
		q, length, fault := parse([]byte(tt.head), testPaths)
		if fault != tt.fault {
			t.Errorf("%s: status %d, want %d", name, fault, tt.fault)
			continue
		}
		if fault == 0 && (q != tt.want || length != len(tt.head)) {
			t.Errorf("%s: %+v of %d bytes, want %+v of %d", name, q, length, tt.want, len(tt.head))
		}
	}
}

// TestParsePieces: parse decides nothing before the head is complete, and what
// follows the head does not matter.
func TestParsePieces(t *testing.T) {
	for n := range len(prometheus) {
		if _, length, fault := parse([]byte(prometheus[:n]), testPaths); length != 0 || fault != 0 {
			t.Fatalf("%d bytes: length %d, status %d", n, length, fault)
		}
	}
	for _, after := range []string{"x", prometheus, "\r\n\r\n", strings.Repeat("\x00", 100)} {
		if q, length, fault := parse([]byte(prometheus+after), testPaths); length != len(prometheus) || fault != 0 || q.path != "/metrics" {
			t.Errorf("before %q: %+v, length %d, status %d", after, q, length, fault)
		}
	}
}

// FuzzParse: whatever arrives, the question consists of constants, and an accepted
// head gives the same question when it arrives in pieces.
func FuzzParse(f *testing.F) {
	f.Add([]byte(prometheus))
	f.Add([]byte("HEAD /ready HTTP/1.0\r\nAccept: text/plain;q=0.5;;,\r\n\r\nGET"))
	f.Add([]byte("GET http:///metrics HTTP/1.1\r\nhost:\r\nAccept-Encoding: gzip;q=1.000\r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		q, length, fault := parse(head, testPaths)
		if length > 0 && fault != 0 || length > len(head) || fault != 0 && http.StatusText(fault) == "" {
			t.Fatalf("length %d, status %d", length, fault)
		}
		for _, constant := range []struct {
			value string
			of    []string
		}{
			{q.method, []string{"", "GET", "HEAD"}},
			{q.path, append([]string{""}, testPaths...)},
		} {
			known := false
			for _, of := range constant.of {
				known = known || constant.value == of
			}
			if !known {
				t.Fatalf("%q", constant.value)
			}
		}
		if length == 0 {
			return
		}
		if again, n, status := parse(head[:length], testPaths); again != q || n != length || status != 0 {
			t.Fatalf("%+v of %d bytes, status %d; want %+v of %d", again, n, status, q, length)
		}
		for n := range length {
			if _, early, status := parse(head[:n], testPaths); early != 0 || status != 0 {
				t.Fatalf("%d bytes of %d: length %d, status %d", n, length, early, status)
			}
		}
	})
}
