package admin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/admin/page"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// notes say how the uses of a large keyring are counted.
var notes = map[server.Detail]string{
	server.ByPrincipal: "There are so many that uses are counted by principal: the last two columns are those of all tokens of the principal.",
	server.InSum:       "There are so many principals that their uses are not told apart.",
}

// soon is how long before its expiry a token is marked.
const soon = 7 * 24 * time.Hour

// tokenRows are the rows of the table of tokens.
func tokenRows(listed []core.TokenInfo, stats *server.Stats, now time.Time) []page.Data {
	type user struct{ principal, key string }
	uses := make(map[user]*server.Uses, len(stats.Uses))
	for i := range stats.Uses {
		u := &stats.Uses[i]
		uses[user{u.Principal, u.Key}] = u
	}
	rows := make([]page.Data, len(listed))
	for i := range listed {
		t := &listed[i]
		row := page.Data{
			Values: values{"principal": t.Principal, "key": t.Key.String(), "expiryMood": "", "unused": "not yet", "uses": "0"},
			Lists:  lists{"scopes": scopesOf(t.Scopes), "expires": nil, "used": nil},
		}
		if t.Expires != core.Never {
			words := lifetime.Relative(t.Expires, now)
			switch left := t.Expires - now.Unix(); {
			case left <= 0:
				row.Values["expiryMood"], words = "bad", "expired "+words
			case left <= int64(soon/time.Second):
				row.Values["expiryMood"] = "warn"
			}
			row.Lists["expires"] = momentOf(t.Expires, words)
		}
		by := user{t.Principal, t.Key.String()}
		if stats.Detail == server.ByPrincipal {
			by.key = ""
		}
		switch u := uses[by]; {
		case stats.Detail == server.InSum:
			row.Values["unused"], row.Values["uses"] = "not known", "–"
		case u != nil && u.Count > 0:
			row.Values["uses"] = grouped(u.Count)
			row.Lists["used"] = moment(time.Unix(u.Last, 0), now)
		}
		rows[i] = row
	}
	return rows
}

func scopesOf(scopes string) (list []page.Data) {
	for scope := range strings.FieldsSeq(scopes) {
		if scope == core.AnyScope {
			scope += " (any)"
		}
		list = append(list, page.Data{Values: values{"scope": scope}})
	}
	return list
}

// sourceRows are the rows of the table of sources.
func (s *Service) sourceRows(sources []tokens.Source, now time.Time) []page.Data {
	rows := make([]page.Data, len(sources))
	for i, source := range sources {
		unread := "not read yet"
		if source.Path == "" {
			unread = "cannot be used"
		}
		rows[i] = page.Data{
			Values: values{"name": s.clean(source.Name), "path": s.clean(source.Path), "unread": unread},
			Lists:  lists{"file": nil, "read": moment(source.Read, now)},
		}
		if source.Path != "" {
			rows[i].Lists["file"] = []page.Data{{Values: values{"path": s.clean(source.Path)}}}
		}
	}
	return rows
}

// failureRows are the rows of the table of failures.
func (s *Service) failureRows(failures []tokens.Failure, now time.Time) []page.Data {
	rows := make([]page.Data, len(failures))
	for i, f := range failures {
		rows[i] = momentOf(f.At.Unix(), lifetime.Relative(f.At.Unix(), now))[0]
		rows[i].Values["text"] = s.clean(f.Text)
	}
	return rows
}

// answerRows are the rows of the table of answers.
func answerRows(stats *server.Stats) (rows []page.Data) {
	counts := map[string]uint64{}
	for i, n := range stats.Verdicts {
		counts[resultOf(core.Reason(i))] += n
	}
	add := func(result, meaning, status string, n uint64) {
		rows = append(rows, page.Data{Values: values{"result": result, "meaning": meaning, "status": status, "requests": grouped(n)}})
	}
	add("granted", "a valid token", "200", counts["granted"])
	add("denied", "no valid token", "401", counts["denied"])
	add("forbidden", "a valid token without the scope", "403", counts["forbidden"])
	add("unconfigured", "no token to compare with", "500", counts["unconfigured"])
	probes := stats.Others
	refused := uint64(0)
	for _, status := range slices.Sorted(maps.Keys(stats.Refused)) {
		n := stats.Refused[status]
		if refused += n; n > 0 {
			add("refused", faults[status], strconv.Itoa(status), n)
		}
	}
	if refused == 0 {
		add("refused", "not a question that the service answers", "400 and up", 0)
	}
	probes -= min(probes, refused) // the two are not counted at the same instant
	add("health", "questions to /health", "200", probes)
	return rows
}

// faults say what a refused request has wrong.
var faults = map[int]string{
	400: "not a request of HTTP/1.1",
	404: "no such path or query: look at the proxy's configuration",
	405: "another method than GET or HEAD for /health",
	408: "not complete within HEAD_TIMEOUT",
	414: "a request line longer than MAX_HEADER_BYTES",
	431: "fields larger than MAX_HEADER_BYTES",
	501: "an unknown transfer coding",
	503: "no room for another request",
	505: "an unknown version of HTTP",
}

// reasons say what the reasons of denials mean.
var reasons = [core.Reasons]string{
	core.Missing:           "no token where the service looks for one",
	core.Malformed:         "more than one token, or another scheme",
	core.Unknown:           "no such token",
	core.Expired:           "a token that has expired",
	core.InsufficientScope: "a token without the scope",
	core.Unconfigured:      "no token to compare with",
}

// denialRows are the rows of the table of denials.
func denialRows(stats *server.Stats) (rows []page.Data) {
	for i, n := range stats.Verdicts {
		if reason := core.Reason(i); reason != core.Granted {
			rows = append(rows, page.Data{Values: values{"reason": reason.String(), "meaning": reasons[i], "requests": grouped(n)}})
		}
	}
	return rows
}

// grouped returns a number with a comma before each three digits.
func grouped[T int | int64 | uint64](n T) string {
	digits := fmt.Sprint(n)
	var out []byte
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}
