package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/keyringfile"
	"github.com/concrete-security/auth-service/internal/lifetime"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

// TestLifetimeIsKept: however often a token is rotated, and whatever the time of day, the
// new one lasts as long as the first.
func TestLifetimeIsKept(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"1s", "30min", "1h", "12h", "1d", "36h", "90d", "1y"} {
		now := time.Date(2026, 11, 25, 15, 30, 45, 0, time.UTC)
		expires, err := lifetime.Expiry("--expires", want, now)
		if err != nil {
			t.Fatal(err)
		}
		seconds := expires - now.Unix()
		first := core.Entry{Principal: "ci", Credential: core.CredentialOf([]byte("0")), Expires: expires, Created: creationOf(expires, now)}
		text := new(keyringfile.Text)
		if err := text.Append(first); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			now = now.Add(5*time.Hour + time.Second)
			r := rotation{name: "ci", path: "keyring", now: now, until: now.Unix()}
			r.entry.Credential = core.CredentialOf([]byte{byte(i)})
			if err := r.rotate(text); err != nil {
				t.Fatal(err)
			}
			if got := r.entry.Expires - now.Unix(); got != seconds {
				t.Errorf("rotation %d of a token of %s: the new one lasts %d s, want %d s", i+1, want, got, seconds)
			}
		}
	}
}

// TestRotatedExpiry: when the new token and the old one expire, by the attributes of the
// old one.
func TestRotatedExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 25, 15, 30, 45, 999, time.UTC)
	const never = "never"
	until := lifetime.Exact(now.Unix() + 7*secondsPerDay) // 2026-12-02T15:30:45Z
	for attributes, want := range map[string]struct{ expires, old string }{
		"":                                                          {never, until},
		"created=2026-11-25":                                        {never, until},
		"created=2026-11-25T10:00:00Z":                              {never, until},
		"expires=2026-12-25":                                        {"2026-12-25T00:00:00Z", until}, // with a warning
		"expires=2026-12-02T15:30:44Z":                              {"2026-12-02T15:30:44Z", "2026-12-02T15:30:44Z"},
		"expires=2026-11-25T15:30:46Z":                              {"2026-11-25T15:30:46Z", "2026-11-25T15:30:46Z"},
		"expires=2026-11-25T15:30:45Z":                              {"", "2026-11-25T15:30:45Z"}, // has expired
		"expires=2027-01-01 created=2027-01-01":                     {"2027-01-01T00:00:00Z", until},
		"expires=2027-01-01 created=2027-01-02":                     {"2027-01-01T00:00:00Z", until},
		"expires=2026-12-25 created=2026-11-25":                     {"2026-12-25T15:30:45Z", until},
		"expires=2026-12-25T23:59:59Z created=2026-11-25":           {"2026-12-25T15:30:45Z", until},
		"expires=2026-12-25T23:59:59Z created=2026-11-25T00:00:00Z": {"2026-12-25T15:30:45Z", until},
		"expires=2026-12-25T00:00:01Z created=2026-11-25T00:00:01Z": {"2026-12-25T15:30:45Z", until},
		"expires=2026-12-25T00:00:03Z created=2026-11-25T00:00:01Z": {"2026-12-25T15:30:47Z", until},
		"expires=2026-11-25T20:00:00Z created=2026-11-25":           {"2026-11-26T11:30:45Z", "2026-11-25T20:00:00Z"},
		"expires=2026-11-26 created=2026-11-25":                     {"2026-11-26T15:30:45Z", "2026-11-26T00:00:00Z"},
		"expires=2026-11-26T20:00:00Z created=2026-11-25":           {"2026-11-26T15:30:45Z", "2026-11-26T20:00:00Z"},
		"expires=2020-11-26 created=2020-11-25":                     {"2026-11-26T15:30:45Z", "2020-11-26T00:00:00Z"},
		"expires=9999-12-31T23:59:59Z created=2026-11-25":           {"9999-12-31T15:30:45Z", until},
		"expires=9999-12-31T23:59:59Z created=2026-11-24":           {"9999-12-31T23:59:59Z", until},
		"expires=9999-12-31T23:59:59Z created=0000-01-01":           {"9999-12-31T23:59:59Z", until},
	} {
		text, err := keyringfile.Parse([]byte(tokentest.KeyringLine("ci", "the old one", attributes)))
		if err != nil {
			t.Fatal(err)
		}
		r := rotation{name: "ci", path: "keyring", now: now, until: now.Unix() + 7*secondsPerDay}
		r.entry.Credential = core.CredentialOf([]byte("the new one"))
		err = r.rotate(text)
		if want.expires == "" {
			if err == nil || !strings.Contains(err.Error(), "use --expires") {
				t.Errorf("%s: %v", attributes, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", attributes, err)
			continue
		}
		old, fresh := text.Entries()[0], text.Entries()[1]
		exact := func(expires int64) string {
			if expires == core.Never {
				return never
			}
			return lifetime.Exact(expires)
		}
		if exact(fresh.Expires) != want.expires || exact(old.Expires) != want.old || dayOf(fresh.Created) != "2026-11-25" {
			t.Errorf("%s: the new one expires %s, want %s; the old one %s, want %s", attributes, exact(fresh.Expires), want.expires, exact(old.Expires), want.old)
		}
		unknown := strings.Contains(attributes, "expires=") && (!strings.Contains(attributes, "created=") || strings.Contains(attributes, "created=2027"))
		if (r.guess != "") != unknown {
			t.Errorf("%s: it guesses the lifetime of %q", attributes, r.guess)
		}
		if again, err := keyringfile.Parse(text.Bytes()); err != nil || again.Entries()[0].Expires != old.Expires {
			t.Errorf("%s: %q, %v", attributes, text.Bytes(), err)
		}
	}
}

// TestRotateAgainAndAgain: a token does not get older from one rotation to the next, and
// what is in its grace is no model.
func TestRotateAgainAndAgain(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 25, 23, 59, 59, 0, time.UTC)
	text, err := keyringfile.Parse([]byte(tokentest.KeyringLine("ci", "0", "scope=a expires=2026-12-25T23:59:59Z created=2026-11-25")))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		now = now.Add(time.Hour)
		r := rotation{name: "ci", path: "keyring", now: now, until: now.Unix() + 60}
		r.entry.Credential = core.CredentialOf(fmt.Append(nil, i+1))
		if err := r.rotate(text); err != nil {
			t.Fatal(err)
		}
		if len(r.older) != 1 || r.older[0].expires != now.Unix()+60 {
			t.Errorf("%d: %+v", i, r.older)
		}
		if fresh := text.Entries()[i+1]; fresh.Expires != now.Unix()+30*secondsPerDay {
			t.Errorf("%d: %v", i, fresh)
		}
	}
}

// TestRotateChangedMeanwhile: Edit may call rotate again, with another text.
func TestRotateChangedMeanwhile(t *testing.T) {
	t.Parallel()
	r := rotation{name: "ci", path: "keyring", now: time.Now(), until: time.Now().Unix()}
	r.entry.Credential = core.CredentialOf([]byte("the new one"))
	for _, lines := range []string{
		tokentest.KeyringLine("ci", "0", "scope=a expires=2999-01-01") + tokentest.KeyringLine("ci", "1", "scope=a expires=2999-01-01"),
		tokentest.KeyringLine("ci", "2", "scope=b"),
	} {
		text, err := keyringfile.Parse([]byte(lines))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.rotate(text); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.older) != 1 || r.guess != "" || fmt.Sprint(r.entry.Scopes) != "[b]" || r.entry.Expires != core.Never {
		t.Errorf("%+v", r)
	}
}

// TestRotateNamesFew: an error and a summary about many tokens stay short.
func TestRotateNamesFew(t *testing.T) {
	t.Parallel()
	for _, scopes := range []string{"", "scope=b"} {
		var lines strings.Builder
		for i := range 15 {
			lines.WriteString(tokentest.KeyringLine("ci", fmt.Sprint(i), scopes))
			scopes = ""
		}
		text, err := keyringfile.Parse([]byte(lines.String()))
		if err != nil {
			t.Fatal(err)
		}
		r := rotation{name: "ci", path: "keyring", now: time.Now(), until: time.Now().Unix() + 60}
		r.entry.Credential = core.CredentialOf([]byte("the new one"))
		told, want := r.summary, "\nThe same goes for 5 more."
		if err := r.rotate(text); err != nil {
			told, want = err.Error, ", and 5 more"
		}
		if text := told(); !strings.HasSuffix(text, want) || len(text) > 1500 {
			t.Errorf("%s", text)
		}
	}
}

// TestRotateUnprinted: if the token cannot be printed, all lines stay as they were.
func TestRotateUnprinted(t *testing.T) {
	t.Parallel()
	before := "# comment\n" + tokentest.Keyring(1, 2)
	path := tokentest.WriteFile(t, filepath.Join(t.TempDir(), "keyring"), before)
	closed, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, arguments := range []string{"", "--json"} {
		var errs strings.Builder
		status := run(t.Context(), strings.Fields("token rotate p -k "+path+" "+arguments), &process{stdin: os.Stdin, stdout: closed, stderr: &errs})
		after, err := os.ReadFile(path)
		if err != nil || status != exitFailure || string(after) != before || !strings.Contains(errs.String(), "cannot write to standard output") {
			t.Errorf("exit status %d, %s, %v; the file has %q", status, errs.String(), err, after)
		}
	}
	if status, out := runCommand(t, "token rotate p -k "+path); status != 0 || !strings.Contains(out, "Added p ") { // the control
		t.Errorf("exit status %d, %s", status, out)
	}
}
