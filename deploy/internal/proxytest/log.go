package proxytest

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// forged are the fields that the service reads for its log, as a client may send them.
var forged = []string{
	"X-Real-IP: 192.0.2.1", "X-Forwarded-For: 192.0.2.1",
	"X-Original-Method: FORGED", "X-Forwarded-Method: FORGED",
	"X-Original-Host: forged.test", "X-Forwarded-Host: forged.test",
	"X-Original-URI: /forged", "X-Forwarded-Uri: /forged", "X-Original-URL: http://forged.test/forged",
	"X-Request-Id: forged",
}

// CheckLog checks what the log of the service says of a denied request: the client, the
// method, the host and the path as the proxy saw them, without the query, and a request
// id of the proxy's. Nothing that the client says about these counts. proxy is the row of
// docs/operations.md that says which of these the proxy tells.
func (s *Site) CheckLog(tb testing.TB, proxy, path string) {
	tb.Helper()
	unsaid := unsaidBy(tb, proxy)
	dialer := &net.Dialer{Timeout: patience}
	client := "127.0.0.1"
	if runtime.GOOS == "linux" { // elsewhere, this is not an address of the machine
		client = "127.0.0.2"
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(client)}
	}
	said := []string{regexp.QuoteMeta("reason=missing client=" + client)}
	for _, attribute := range []struct{ name, value string }{
		{"method", "DELETE"}, {"host", `example\.test`}, {"uri", regexp.QuoteMeta(path)}, {"request_id", `[A-Za-z0-9_@-]{24,36}`},
	} {
		if !slices.Contains(unsaid, attribute.name) {
			said = append(said, attribute.name+"="+attribute.value)
		}
	}
	line := regexp.MustCompile("(?m)" + strings.Join(said, " ") + "$")
	names := make([]string, len(forged))
	for i, field := range forged {
		names[i], _, _ = strings.Cut(field, ":")
	}
	denied := 0
	for _, fields := range [][]string{{"Connection: close"}, append([]string{"Connection: close"}, forged...), {"Connection: close, " + strings.Join(names, ", ")}} {
		answer, err := exchange(dialer, s.Address, "DELETE "+path+"?secret=x HTTP/1.1\r\nHost: example.test\r\n"+strings.Join(fields, "\r\n")+"\r\n\r\n")
		if err != nil {
			tb.Fatal(err)
		}
		switch answer.Status {
		case http.StatusUnauthorized:
			denied++
		case http.StatusBadRequest: // a proxy may refuse to drop these
		default:
			tb.Errorf("status %d, want 401", answer.Status)
		}
	}
	Await(tb, "the lines "+line.String(), func() bool {
		lines := line.FindAllString(s.Service.Log.String(), -1)
		different := slices.Compact(slices.Sorted(slices.Values(lines)))
		return denied >= 2 && len(lines) == denied && (len(different) == len(lines) || slices.Contains(unsaid, "request_id"))
	})
	// Without a host, a proxy has nothing to say about it, or refuses the request.
	if _, err := exchange(dialer, s.Address, "GET "+path+" HTTP/1.0\r\n"+strings.Join(forged, "\r\n")+"\r\n\r\n"); err != nil {
		tb.Fatal(err)
	}
	for _, no := range []string{"192.0.2.1", "forged", "FORGED", "secret"} {
		if strings.Contains(s.Service.Log.String(), no) {
			tb.Errorf("the log has %q: %s", no, s.Service.Log)
		}
	}
}

// unsaidBy returns the attributes of a log line that a proxy tells nothing of.
func unsaidBy(tb testing.TB, proxy string) (unsaid []string) {
	tb.Helper()
	page, err := os.ReadFile(filepath.FromSlash("../../docs/operations.md"))
	if err != nil {
		tb.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n### What each proxy tells\n")
	_, row, found := strings.Cut(table, "\n| "+proxy+" | ")
	row, _, _ = strings.Cut(row, "\n")
	cells := strings.Split(strings.TrimSuffix(row, " |"), " | ")
	names := []string{"client", "method", "host", "uri", "request_id"}
	if !found || len(cells) != len(names) {
		tb.Fatalf("the page has no row for %s", proxy)
	}
	for i, cell := range cells {
		if strings.HasPrefix(cell, "no") {
			unsaid = append(unsaid, names[i])
		}
	}
	return unsaid
}
