package admin

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

func statusOf(t *testing.T, s *Service) (fields map[string]string, body string) {
	t.Helper()
	r := s.answer(wipehttp.Request{Path: statusPath})
	if r.Status != 200 {
		t.Fatalf("status %d", r.Status)
	}
	fields = map[string]string{}
	for _, f := range r.Fields {
		fields[f.Name] = f.Value
	}
	return fields, string(r.Body)
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// textOf returns what a person reads of a page's body.
func textOf(page string) string {
	_, page, _ = strings.Cut(page, "<body>")
	return html.UnescapeString(spaces.ReplaceAllString(tags.ReplaceAllString(page, " "), " "))
}

// TestStatusFields: a browser takes nothing but the style on the page, keeps no copy, and
// shows the page in no frame.
func TestStatusFields(t *testing.T) {
	t.Parallel()
	fields, body := statusOf(t, newService(t))
	_, style, _ := strings.Cut(body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"X-Robots-Tag": "noindex, nofollow", "Cross-Origin-Resource-Policy": "same-origin", "Vary": "Accept-Encoding",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	} {
		if fields[name] != want {
			t.Errorf("%s: %s, want %s", name, fields[name], want)
		}
	}
	if len(fields) != 8 || len(style) < 1000 {
		t.Errorf("%v, a style of %d bytes", fields, len(style))
	}
	packed := newService(t).answer(wipehttp.Request{Path: statusPath, Gzip: true})
	r, err := gzip.NewReader(bytes.NewReader(packed.Body))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(r); err != nil || !strings.HasPrefix(string(unpacked), "<!DOCTYPE html>") {
		t.Errorf("%v: %.100s", err, unpacked)
	}
	if again, _ := statusOf(t, newService(t)); again["Content-Encoding"] != "" {
		t.Error("a page that is not compressed says that it is")
	}
}

// TestStatusIsAccessible: the page has a language, a title and one heading of the first
// level. Each table has a caption, and each of its headings a scope.
func TestStatusIsAccessible(t *testing.T) {
	t.Parallel()
	s := serviceOf(t, 3, 2)
	s.Reloads = func() tokens.Reloads {
		return tokens.Reloads{Sources: []tokens.Source{{Name: "KEYRING", Path: "/keyring"}}, Failures: []tokens.Failure{{At: time.Now(), Text: "broken"}}}
	}
	_, body := statusOf(t, s)
	count := func(text string) int { return strings.Count(body, text) }
	if count("<html lang=\"en\">") != 1 || count("<title>Ready – auth-service</title>") != 1 || count("<h1>") != 1 || count("name=\"viewport\"") != 1 || count("<main>") != 1 ||
		count(`<link rel="icon" href="data:,">`) != 1 { // or browsers ask for /favicon.ico
		t.Error(body)
	}
	if tables := count("<table"); tables != 5 || count("<caption") != tables || count("<th") != count(" scope=\"")+count("<thead") {
		t.Errorf("%d tables, %d captions, %d headings, %d scopes", tables, count("<caption"), count("<th")-count("<thead"), count(" scope=\""))
	}
	if ids := regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(body, -1); len(ids) != 11 {
		t.Errorf("%d labels", len(ids))
	} else {
		for _, id := range ids {
			if count(`id="`+id[1]+`"`) != 1 {
				t.Errorf("the label %s is there %d times", id[1], count(`id="`+id[1]+`"`))
			}
		}
	}
	for _, foreign := range []string{"<script", "<form", "<img", "<iframe", "<object", " style=", " src=", "http:", "https:", "javascript:", " onload", " onclick"} {
		if strings.Contains(body, foreign) {
			t.Errorf("the page has %q", foreign)
		}
	}
}

// TestStatusWords: the page says in words whether anybody can pass.
func TestStatusWords(t *testing.T) {
	t.Parallel()
	expired := serviceOf(t, 2, 2)
	entries := []core.Entry{{Principal: "ann", Credential: core.CredentialOf([]byte("a")), Expires: time.Now().Unix() - 3*24*3600}}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	expired.Server.SetKeyring(k)
	draining := serviceOf(t, 1, 1)
	draining.Draining = stopped(t)
	for want, s := range map[string]*Service{
		`<p class="state good"><strong>Ready</strong> <span>Requests with a valid token pass.`: serviceOf(t, 1, 1),
		`<p class="state bad"><strong>No usable token</strong> <span>There is no token`:        newService(t),
		`<p class="state bad"><strong>No usable token</strong> <span>Every token has expired`:  expired,
		`<p class="state warn"><strong>Draining</strong>`:                                      draining,
	} {
		_, body := statusOf(t, s)
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if _, body := statusOf(t, expired); !strings.Contains(textOf(body), "0 of 1 tokens can pass.") || !strings.Contains(body, `class="bad"><time`) || !strings.Contains(body, ">expired 3 days ago<") {
		t.Error(body)
	}
}

// TestStatusRows: what is known of each token, of the sources and of failures.
func TestStatusRows(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(after time.Duration) int64 { return now.Add(after).Unix() }
	credential := func(token string) core.Credential { return core.CredentialOf([]byte(token)) }
	k, err := core.NewKeyring(rand.Reader, []byte("single"), []core.Entry{
		{Principal: "ci", Credential: credential("a"), Scopes: []string{"metrics", "deploy"}, Expires: at(100 * 24 * time.Hour)},
		{Principal: "ci", Credential: credential("b"), Expires: at(5 * 24 * time.Hour)},
		{Principal: "ann", Credential: credential("c"), Scopes: []string{core.AnyScope}, Expires: core.Never},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &Service{
		Server:   server.New(k, server.Options{Measure: true, Logger: slog.New(slog.DiscardHandler)}),
		Draining: t.Context(), Version: "v1.2.3", Started: now.Add(-2 * time.Hour),
		Listeners: []string{"tcp://192.0.2.1:8081", "unix:///run/auth.sock"}, AdminListeners: []string{"tcp://127.0.0.1:9000"},
		Reloads: func() tokens.Reloads {
			return tokens.Reloads{
				Succeeded: 1234, Failed: 1, LastLook: now, LastSucceeded: false,
				Sources: []tokens.Source{{Name: "TOKEN"}, {Name: "KEYRING", Path: "/etc/<b>keyring", Read: now.Add(-3 * time.Minute)}, {Name: "TOKEN_FILE", Path: "/run/token"}},
				Failures: []tokens.Failure{
					{At: now.Add(-time.Minute), Text: "KEYRING: /etc/keyring:3: <script>alert(1)</script>"},
					{At: now, Text: strings.Repeat("x", 40) + " is no path"},
					{At: now, Text: strings.Repeat("word ", 1000)},
				},
			}
		},
	}
	_, body := statusOf(t, s)
	text := textOf(body)
	keyID := func(token string) string {
		c := credential(token)
		return c.KeyID().String()
	}
	for _, want := range []string{
		"4 of 4 tokens can pass.", "v1.2.3", "2 hours ago", "tcp://192.0.2.1:8081 unix:///run/auth.sock", "tcp://127.0.0.1:9000",
		"ann " + keyID("c") + " * (any) never not yet 0",
		"ci " + keyID("a") + " metrics deploy in 100 days " + exactly(at(100*24*time.Hour)) + " not yet 0",
		"ci " + keyID("b") + " none in 5 days",
		"default - * (any) never not yet 0",
		"TOKEN not a file cannot be used", "KEYRING /etc/<b>keyring 3 minutes ago", "TOKEN_FILE /run/token not read yet",
		"Reloads: 1,234 succeeded, 1 failed. Last check for changes: " + exactly(now.Unix()),
		"The latest reading of the tokens failed.", "KEYRING: /etc/keyring:3: <script>alert(1)</script>",
		"granted a valid token 200 0", "refused not a question that the service answers 400 and up 0", "insufficient_scope a token without the scope 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(body, "<script") || strings.Contains(body, "<b>") || strings.Contains(text, "xxx") || strings.Count(text, "word ") > maxText/5 {
		t.Error(body)
	}
	if strings.Count(body, `class="warn"><time`) != 1 {
		t.Error("one token expires soon, and it is not that one that is marked")
	}
}

// TestStatusIsBounded: a large keyring makes neither a large page nor a slow one.
func TestStatusIsBounded(t *testing.T) {
	t.Parallel()
	for _, keyring := range []struct {
		principals int
		want       string
	}{
		{server.MaxTold, "100,000 of 100,000 tokens can pass. There are so many that uses are counted by principal: the last two columns are those of all tokens of the principal. The table has the first 1,000; 99,000 more are left out."},
		{100_000, "100,000 of 100,000 tokens can pass. There are so many principals that their uses are not told apart. The table has the first 1,000; 99,000 more are left out."},
	} {
		s := serviceOf(t, 100_000, keyring.principals)
		begun := time.Now()
		_, body := statusOf(t, s)
		if took := time.Since(begun); len(body) > 2<<20 || took > 2*time.Second {
			t.Errorf("%d bytes in %v", len(body), took)
		}
		if text := textOf(body); !strings.Contains(text, keyring.want) || strings.Count(text, " metrics in ") != server.MaxTold {
			t.Errorf("%.3000s", text)
		}
	}
}

// TestUsesOnStatus: each row has the uses that are counted for it.
func TestUsesOnStatus(t *testing.T) {
	t.Parallel()
	now := time.Now()
	listed := []core.TokenInfo{{Principal: "ann", Expires: core.Never}, {Principal: "bob", Expires: core.Never}}
	last := now.Unix() - 60
	for detail, test := range map[server.Detail]struct {
		uses []server.Uses
		want string
	}{
		server.ByToken:     {[]server.Uses{{Principal: "ann", Key: "-", Count: 12345, Last: last}, {Principal: "bob", Key: "x", Count: 1, Last: last}}, "12,345 60 seconds ago; 0 not yet"},
		server.ByPrincipal: {[]server.Uses{{Principal: "ann"}, {Principal: "bob", Count: 7, Last: last}}, "0 not yet; 7 60 seconds ago"},
		server.InSum:       {[]server.Uses{{Count: 99, Last: last}}, "– not known; – not known"},
	} {
		var got []string
		for _, row := range tokenRows(listed, &server.Stats{Detail: detail, Uses: test.uses}, now) {
			when := row.Values["unused"]
			if used := row.Lists["used"]; len(used) > 0 {
				when = used[0].Values["words"]
			}
			got = append(got, row.Values["uses"]+" "+when)
		}
		if got := strings.Join(got, "; "); got != test.want {
			t.Errorf("detail %d: %s, want %s", detail, got, test.want)
		}
	}
}

// TestAnswersOnStatus: refused requests have a row for each status that came.
func TestAnswersOnStatus(t *testing.T) {
	t.Parallel()
	stats := server.Stats{Others: 20, Refused: map[int]uint64{400: 0, 404: 3, 414: 1, 503: 2}}
	stats.Verdicts[core.Granted], stats.Verdicts[core.Missing], stats.Verdicts[core.Expired] = 1_000_000, 1, 2
	var got []string
	for _, row := range answerRows(&stats) {
		got = append(got, fmt.Sprintf("%s %s %s", row.Values["result"], row.Values["status"], row.Values["requests"]))
		if row.Values["meaning"] == "" {
			t.Errorf("%v has no meaning", row.Values)
		}
	}
	if got, want := strings.Join(got, ", "), "granted 200 1,000,000, denied 401 3, forbidden 403 0, unconfigured 500 0, refused 404 3, refused 414 1, refused 503 2, health 200 14"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, row := range denialRows(&stats) {
		if row.Values["meaning"] == "" {
			t.Errorf("%v has no meaning", row.Values)
		}
	}
	for status := range serviceOf(t, 1, 1).Server.Stats().Refused {
		if faults[status] == "" {
			t.Errorf("it is not said what %d means", status)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 12: "12", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
