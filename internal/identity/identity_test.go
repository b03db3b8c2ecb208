package identity_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/deptest"
	"github.com/concrete-security/auth-service/internal/identity"
)

// The package is part of every WebAssembly module.
func TestPurity(t *testing.T) {
	t.Parallel()
	deptest.Pure(t, "internal/identity", map[string][]string{
		"github.com/concrete-security/auth-service/internal/httptext": nil,
	})
}

var names = []string{identity.User, identity.Scopes, identity.Key}

// TestIsIdentityBytes replaces each byte of each name by every other.
func TestIsIdentityBytes(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		for at := range len(name) {
			for i := range 256 {
				c := byte(i)
				other := []byte(name)
				other[at] = c
				want := strings.EqualFold(string(c), string(name[at]))
				if name[at] == '-' {
					want = !isLetterOrDigit(c)
				}
				if got := identity.IsIdentity(other); got != want {
					t.Errorf("IsIdentity(%q) = %v", other, got)
				}
				if got := identity.IsIdentity(string(other)); got != want {
					t.Errorf("IsIdentity(%q) = %v for a string", other, got)
				}
			}
		}
	}
}

func isLetterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func TestIsIdentity(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"X-Auth-Request-User":          true,
		"x_auth_request_user":          true,
		"X.AUTH REQUEST\x00USER":       true,
		"x\xffauth-request-key":        true,
		"X-Auth-Request-Scopes":        true,
		"":                             false,
		"x":                            false,
		"x-auth-request-use":           false,
		"x-auth-request-users":         false,
		" x-auth-request-user":         false,
		"-x-auth-request-user":         false,
		"x-auth-request-scope":         false,
		"x-auth-request-":              false,
		"xauthrequestuser":             false,
		"x--auth-request-key":          false,
		"x\u2010auth-request-key":      false, // one character, and three bytes
		"x-auth-re\u017fuest-user":     false,
		"x-auth-request-\u212aey":      false,
		"x-auth-request-u\u017fer":     false,
		identity.Connection:            false,
		"authorization":                false,
		"x-auth-request-user,x-a":      false,
		"http-x-auth-request-user":     false,
		"x-auth-request-preferred-uid": false,
	} {
		if got := identity.IsIdentity(name); got != want {
			t.Errorf("IsIdentity(%q) = %v", name, got)
		}
	}
}

// TestIsConnection: a lookalike is not the field, because proxies know that by its
// name alone.
func TestIsConnection(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"connection": true, "Connection": true, "CONNECTION": true,
		"": false, "connectio": false, "connections": false, "connectiom": false, "proxy-connection": false, "c\u00f6nnection": false,
	} {
		if got := identity.IsConnection(name); got != want {
			t.Errorf("IsConnection(%q) = %v", name, got)
		}
	}
}

func TestAppendConnection(t *testing.T) {
	t.Parallel()
	for value, c := range map[string]struct {
		left  string
		named bool
	}{
		"":                                   {"", false},
		",":                                  {"", false},
		" \t, ,":                             {"", false},
		"close":                              {"close", false},
		" close\t":                           {"close", false},
		"Keep-Alive ,\tx":                    {"Keep-Alive,x", false},
		"a b":                                {"a b", false},
		"x-auth-request-user":                {"", true},
		"X_AUTH_REQUEST_USER":                {"", true},
		"x-auth-request-key":                 {"", true},
		"close, x-auth-request-scopes":       {"close", true},
		"x-auth-request-user,close":          {"close", true},
		"a,x-auth-request-user,b":            {"a,b", true},
		"x-auth-request-user, x-a, x-b":      {"x-a,x-b", true},
		"x-auth-request-user,x.auth.request": {"x.auth.request", true},
		// Hosts differ in where an option ends.
		"x-auth-request-user;q=1":         {"", true},
		"a;x-auth-request-user":           {"", true},
		"a x-auth-request-user b, close":  {"close", true},
		"\vx-auth-request-user\x00":       {"", true},
		"\"x-auth-request-user\"":         {"", true},
		"x-auth-request-users":            {"", true},
		"x-auth-request-use,r":            {"x-auth-request-use,r", false},
		"x-auth-request-user-x-auth-requ": {"", true},
		"x-auth-request-use":              {"x-auth-request-use", false},
		"an x-auth-request-use":           {"an x-auth-request-use", false},
	} {
		left, named := identity.AppendConnection(nil, value)
		if string(left) != c.left || named != c.named {
			t.Errorf("AppendConnection(%q) = %q, %v; want %q, %v", value, left, named, c.left, c.named)
		}
		if left, named = identity.AppendConnection(nil, []byte(value)); string(left) != c.left || named != c.named {
			t.Errorf("AppendConnection(%q) = %q, %v for bytes; want %q, %v", value, left, named, c.left, c.named)
		}
		want := "upgrade"
		if c.left != "" {
			want += "," + c.left
		}
		if left, named := identity.AppendConnection([]byte("upgrade"), value); string(left) != want || named != c.named {
			t.Errorf("AppendConnection(upgrade, %q) = %q, %v; want %q", value, left, named, want)
		}
	}
}

// FuzzAppendConnection: nothing in what is left names an identity field, the other
// options are left as they are, and a second pass changes nothing.
func FuzzAppendConnection(f *testing.F) {
	for _, name := range names {
		f.Add("close", name)
		f.Add("", "a , "+strings.ToUpper(name)+"\t,b")
	}
	f.Add("x-auth-request", "user")
	f.Fuzz(func(t *testing.T, before, value string) {
		left, named := identity.AppendConnection([]byte(before), value)
		if len(left) > len(before)+len(value)+1 {
			t.Fatalf("%q has become %q: more than a byte is added", value, left)
		}
		added, ok := strings.CutPrefix(string(left), before)
		if !ok {
			t.Fatalf("%q does not begin with %q", left, before)
		}
		if before != "" {
			added = strings.TrimPrefix(added, ",")
		}
		var options []string
		dropped := false
		for option := range strings.SplitSeq(value, ",") {
			if namesIdentity(option) {
				dropped = true
			} else if option = strings.Trim(option, " \t"); option != "" {
				options = append(options, option)
			}
		}
		if want := strings.Join(options, ","); added != want || named != dropped {
			t.Errorf("%q leaves %q, %v; want %q, %v", value, added, named, want, dropped)
		}
		if again, named := identity.AppendConnection(nil, added); string(again) != added || named {
			t.Errorf("%q leaves %q, and that leaves %q", value, added, again)
		}
	})
}

// namesIdentity says of an option what AppendConnection must find in it, in another
// way.
func namesIdentity(option string) bool {
	plain := []byte(option)
	for i, c := range plain {
		switch {
		case 'A' <= c && c <= 'Z':
			plain[i] = c | 0x20
		case !isLetterOrDigit(c):
			plain[i] = '-'
		}
	}
	for _, name := range names {
		if strings.Contains(string(plain), name) {
			return true
		}
	}
	return false
}
