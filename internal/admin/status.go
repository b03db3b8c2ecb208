package admin

import (
	"crypto/sha256"
	_ "embed" // for the page and its style
	"encoding/base64"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/internal/admin/page"
	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/server"
)

//go:embed status.html
var statusPage string

//go:embed status.css
var statusStyle string

// A shell is what all status pages have in common.
type shell struct {
	template string
	fields   []wipehttp.Field
}

// statusShell is made when the first page is asked for. A browser loads nothing for a
// page, runs nothing in it, and shows it in no other page. A browser hashes the style
// with its line ends as LF, whatever they are in the sources.
var statusShell = sync.OnceValue(func() shell {
	style := strings.ReplaceAll(statusStyle, "\r\n", "\n")
	sum := sha256.Sum256([]byte(style))
	return shell{strings.Replace(statusPage, "{{style}}", style, 1), []wipehttp.Field{
		{Name: "Content-Type", Value: "text/html; charset=utf-8"},
		{Name: "Cache-Control", Value: "no-store"},
		{Name: "Content-Security-Policy", Value: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{Name: "Cross-Origin-Resource-Policy", Value: "same-origin"},
		{Name: "Referrer-Policy", Value: "no-referrer"},
		{Name: "Vary", Value: "Accept-Encoding"},
		{Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "X-Robots-Tag", Value: "noindex, nofollow"},
	}}
})

// status answers with the status page, which is for people. Nothing that a client of the
// service sends is on it.
func (s *Service) status(r wipehttp.Request) wipehttp.Response {
	common := statusShell()
	return encoded(r, common.fields, page.Append(nil, common.template, s.statusData(time.Now())))
}

type (
	values = map[string]string
	lists  = map[string][]page.Data
)

// statusData returns what fills status.html.
func (s *Service) statusData(now time.Time) page.Data {
	stats, reloads := s.Server.Stats(), s.Reloads()
	mood, word, explanation := s.state(&stats)
	listed := s.Server.Tokens()
	return page.Data{
		Values: values{
			"mood": mood, "word": word, "explanation": explanation,
			"started": lifetime.Relative(s.Started.Unix(), now), "startedAt": lifetime.Exact(s.Started.Unix()), "startedExact": exactly(s.Started.Unix()),
			"nowAt": lifetime.Exact(now.Unix()), "nowExact": exactly(now.Unix()),
			"version": s.Version, "platform": runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH,
			"connections": grouped(stats.Connections),
			"usable":      grouped(stats.Unexpired), "count": grouped(stats.Tokens),
			"shown": grouped(len(listed)), "more": grouped(stats.Tokens - len(listed)),
			"succeeded": grouped(reloads.Succeeded), "failed": grouped(reloads.Failed), "note": notes[stats.Detail],
		},
		Lists: lists{
			"reloadFailed": page.Set(!reloads.LastSucceeded),
			"listeners":    s.addresses(s.Listeners), "admins": s.addresses(s.AdminListeners),
			"anyTokens": page.Set(len(listed) > 0), "rows": tokenRows(listed, &stats, now),
			"lessDetail": page.Set(notes[stats.Detail] != ""), "omitted": page.Set(stats.Tokens > len(listed)),
			"anySources": page.Set(len(reloads.Sources) > 0), "sources": s.sourceRows(reloads.Sources, now),
			"looked":  moment(reloads.LastLook, now),
			"answers": answerRows(&stats), "denials": denialRows(&stats),
			"anyFailures": page.Set(len(reloads.Failures) > 0), "failures": s.failureRows(reloads.Failures, now),
		},
	}
}

// state says whether the service lets anybody pass.
func (s *Service) state(stats *server.Stats) (mood, word, explanation string) {
	switch {
	case s.Draining.Err() != nil:
		return "warn", "Draining", "The service was asked to stop. It answers what is open and accepts nothing more."
	case stats.Usable:
		return "good", "Ready", "Requests with a valid token pass."
	case stats.Tokens > 0:
		return "bad", "No usable token", "Every token has expired, so every request is denied."
	}
	return "bad", "No usable token", "There is no token to compare with, so every request is answered with 500."
}

// addresses are where listeners can be reached.
func (s *Service) addresses(names []string) (list []page.Data) {
	for _, name := range names {
		list = append(list, page.Data{Values: values{"address": s.clean(name)}})
	}
	return list
}

// maxText is how many bytes of a text are shown.
const maxText = 1000

// clean returns a text as the log shows it, and cuts it if it is long.
func (s *Service) clean(text string) string {
	text = s.Censor.Clean(text)
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// moment returns the words for a time, or nothing for the zero time.
func moment(t, now time.Time) []page.Data {
	if t.IsZero() {
		return nil
	}
	return momentOf(t.Unix(), lifetime.Relative(t.Unix(), now))
}

// momentOf returns a Unix second with the words for it.
func momentOf(at int64, words string) []page.Data {
	return []page.Data{{Values: values{"at": lifetime.Exact(at), "words": words, "exact": exactly(at)}}}
}

// exactly returns a Unix second in a form that people read with ease.
func exactly(at int64) string { return time.Unix(at, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
