package server

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokentest"
	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// named is a keyring in which each principal's token is its name and "-token".
func named(t *testing.T, principals ...string) *core.Keyring {
	t.Helper()
	text := ""
	for _, p := range principals {
		e := core.Entry{Principal: p, Credential: core.CredentialOf([]byte(p + "-token")), Scopes: []string{"read"}, Expires: core.Never}
		text += tokentest.EntryLine(e)
	}
	return newKeyring(t, "", text)
}

func asked(token, query string) string {
	return "GET /auth" + query + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

// countsOf returns the uses of principals that have one token each.
func countsOf(s Stats) map[string]uint64 {
	counts := map[string]uint64{}
	for _, u := range s.Uses {
		counts[u.Principal] = u.Count
	}
	return counts
}

func TestStats(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, named(t, "ann", "bob"), Options{Measure: true})
		c := r.dial(t)
		for _, request := range []string{
			asked("ann-token", ""), asked("ann-token", ""), asked("bob-token", "?scope=read"), asked("bob-token", "?scope=write"),
			asked("eve-token", ""), "GET /auth HTTP/1.1\r\nHost: a\r\n\r\n", "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: Basic eA==\r\n\r\n",
			"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n",
		} {
			ask(t, c, request)
		}
		stats := r.Stats()
		want := [core.Reasons]uint64{
			core.Granted: 3, core.InsufficientScope: 1, core.Unknown: 1, core.Missing: 1, core.Malformed: 1,
		}
		if stats.Verdicts != want || stats.Others != 2 || stats.Connections != 1 || stats.Tokens != 2 || !stats.Usable {
			t.Errorf("%+v", stats)
		}
		if got, want := countsOf(stats), (map[string]uint64{"ann": 2, "bob": 1}); !maps.Equal(got, want) {
			t.Errorf("uses %v, want %v", got, want)
		}
		if stats.Refused[404] != 1 || len(stats.Refused) != 9 {
			t.Errorf("refused %v", stats.Refused)
		}
		sum := uint64(0)
		for _, n := range stats.Durations.Counts {
			sum += n
		}
		if sum != 7 || stats.Durations.Sum <= 0 || stats.Durations.Sum > 7*time.Second {
			t.Errorf("durations %+v", stats.Durations)
		}

		// Uses go on under another keyring, for those that it has too.
		r.SetKeyring(named(t, "eve", "bob"))
		ask(t, c, asked("eve-token", ""))
		ask(t, c, asked("bob-token", ""))
		if got, want := countsOf(r.Stats()), (map[string]uint64{"eve": 1, "bob": 2}); !maps.Equal(got, want) {
			t.Errorf("uses %v, want %v", got, want)
		}
		r.SetKeyring(named(t, "ann"))
		if got, want := countsOf(r.Stats()), (map[string]uint64{"ann": 0}); !maps.Equal(got, want) {
			t.Errorf("uses %v, want %v", got, want)
		}
		r.SetKeyring(nil)
		if got := status(ask(t, c, asked("ann-token", ""))); got != "500" {
			t.Errorf("status %s", got)
		}
		if stats := r.Stats(); stats.Usable || stats.Tokens != 0 || len(stats.Uses) != 0 || stats.Verdicts[core.Unconfigured] != 1 {
			t.Errorf("%+v", stats)
		}
	})
}

// TestStatsOfRefusals: what is refused is counted too.
func TestStatsOfRefusals(t *testing.T) {
	t.Parallel()
	enginetest.Each(t, func(t *testing.T, en enginetest.Kind) {
		r := start(t, en, named(t, "ann"), Options{MaxConnections: 1, Loops: 1})
		begun := r.dial(t)
		if _, err := io.WriteString(begun, "GET /auth"); err != nil {
			t.Fatal(err)
		}
		enginetest.Await(t, "the request that has begun", func() bool { return r.Stats().Held > 0 })
		c := r.dial(t)
		ask(t, c, asked("ann-token", ""))
		if got := status(readHead(t, begun)); got != "503" {
			t.Errorf("status %s", got)
		}
		if got := status(ask(t, c, "nonsense\r\n\r\n")); got != "400" {
			t.Errorf("status %s", got)
		}
		stats := r.Stats()
		if stats.Others != 2 || stats.Verdicts[core.Granted] != 1 || stats.Refused[400] != 1 || stats.Refused[503] != 1 {
			t.Errorf("%+v", stats)
		}
		if stats.Uses != nil || slices.Max(stats.Durations.Counts) != 0 {
			t.Errorf("it has measured: %+v", stats)
		}
	})
}

func TestDurationBucket(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(durationBounds[:]) || durationBounds[0] <= 0 {
		t.Errorf("the bounds are %v", durationBounds)
	}
	var tl tally
	for _, took := range []time.Duration{0, 250, 251, 10 * time.Millisecond, 10*time.Millisecond + 1, time.Hour} {
		tl.measured(core.Decision{}, 0, took)
	}
	want := map[int]uint64{0: 2, 1: 1, len(durationBounds) - 1: 1, len(durationBounds): 2}
	for i := range tl.durations {
		if got := tl.durations[i].Load(); got != want[i] {
			t.Errorf("bucket %d: %d, want %d", i, got, want[i])
		}
	}
	if got := tl.verdicts[core.Missing].Load(); got != 6 || core.Missing.Status() != http.StatusUnauthorized {
		t.Errorf("%d verdicts", got)
	}
}
