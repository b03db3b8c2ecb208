package guest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// all returns the fields that pairs has.
func all(pairs []byte) (list [][2]string, ok bool) {
	fields, ok := parsePairs(pairs)
	for {
		name, value, more := fields.next()
		if !more {
			return list, ok
		}
		list = append(list, [2]string{string(name), string(value)})
	}
}

func TestParsePairs(t *testing.T) {
	number := func(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }
	for _, tt := range []struct {
		name, pairs string
		want        [][2]string
		ok          bool
	}{
		{"nothing", "", nil, true},
		{"no fields", number(0), nil, true},
		{"one", number(1) + number(1) + number(2) + "a\x00bc\x00", [][2]string{{"a", "bc"}}, true},
		{"empty name and value", number(1) + number(0) + number(0) + "\x00\x00", [][2]string{{"", ""}}, true},
		{"two", number(2) + number(1) + number(0) + number(0) + number(1) + "a\x00\x00\x00b\x00", [][2]string{{"a", ""}, {"", "b"}}, true},
		{"NUL in a name", number(1) + number(3) + number(1) + "a\x00b\x00c\x00", [][2]string{{"a\x00b", "c"}}, true},

		{"less than a number", "\x00\x00\x00", nil, false},
		{"a byte behind no fields", number(0) + "\x00", nil, false},
		{"no lengths", number(1), nil, false},
		{"half of the lengths", number(1) + number(1), nil, false},
		{"lengths alone", number(1) + number(0) + number(0), nil, false},
		{"one NUL is missing", number(1) + number(0) + number(0) + "\x00", nil, false},
		{"a byte too many", number(1) + number(0) + number(0) + "\x00\x00\x00", nil, false},
		{"no NUL behind the name", number(1) + number(1) + number(1) + "aXb\x00", nil, false},
		{"no NUL behind the value", number(1) + number(1) + number(1) + "a\x00bX", nil, false},
		{"name that is too long", number(1) + number(9) + number(1) + "a\x00b\x00", nil, false},
		{"value that is too long", number(1) + number(1) + number(2) + "a\x00b\x00", nil, false},
		{"lengths that wrap around", number(1) + number(1<<32-1) + number(1) + "a\x00b\x00", nil, false},
		{"sum that wraps around", number(1) + number(1<<32-1) + number(1<<32-1) + "\x00\x00", nil, false},
		{"count that is too large", number(2) + number(0) + number(0) + "\x00\x00", nil, false},
		{"count that wraps around", number(1<<29) + number(0) + number(0) + "\x00\x00", nil, false},
		{"largest count", number(1<<32-1) + number(0) + number(0) + "\x00\x00", nil, false},
	} {
		if got, ok := all([]byte(tt.pairs)); ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, %t", tt.name, got, ok)
		}
		if h, ok := ReadHead([]byte(tt.pairs), core.Accept{}); ok != tt.ok || h.Request.AuthorizationCount != 0 || h.Request.Authorization != nil {
			t.Errorf("%s: %+v, %t", tt.name, h, ok)
		}
	}
}

func TestReadHead(t *testing.T) {
	everywhere := core.Accept{Schemes: core.Basic, Fields: []string{"x-api-key", "key"}}
	elsewhere := core.Accept{Schemes: core.NoScheme, Fields: []string{"x-api-key"}}
	for _, tt := range []struct {
		accept               core.Accept
		fields               [][2]string
		authorization, token string
		count, tokens        int
	}{
		{core.Accept{}, [][2]string{{"authorization", "a"}}, "a", "", 1, 0},
		{core.Accept{}, [][2]string{{"AUTHORIZATION", "a"}, {"a", "b"}}, "a", "", 1, 0},
		{core.Accept{}, [][2]string{{"a", "b"}, {"AuthoriZation", ""}}, "", "", 1, 0},
		{core.Accept{}, [][2]string{{"authorization", "a"}, {"Authorization", "b"}}, "b", "", 2, 0},
		{core.Accept{}, [][2]string{{"authorizatio", "a"}, {"authorizationx", "a"}, {"authorizatio\x0e", "a"}, {"aUthorizatio`", "a"}, {"author\x09zation", "b"}, {"", "a"}}, "", "", 0, 0},
		{core.Accept{}, [][2]string{{"authori[ation", "a"}, {"@uthorization", "a"}, {"author\x1azation", "a"}}, "", "", 0, 0},
		{core.Accept{}, [][2]string{{"x-api-key", "a"}}, "", "", 0, 0},
		{everywhere, [][2]string{{"X-API-Key", "a"}}, "", "a", 0, 1},
		{everywhere, [][2]string{{"x-api-key", "a"}, {"KEY", "b"}, {"authorization", "c"}}, "c", "b", 1, 2},
		{everywhere, [][2]string{{"key", "a"}, {"x-api-key", " "}}, "", "a", 0, 1},
		{everywhere, [][2]string{{"key", ""}, {"key", ""}}, "", "", 0, 2},
		{everywhere, [][2]string{{"x_api_key", "a"}, {"x-api-ke", "a"}, {"-key", "a"}, {"x-api-\u212aey", "a"}}, "", "", 0, 0},
		{elsewhere, [][2]string{{"authorization", "a"}, {"authorization", "b"}, {"x-api-key", "c"}}, "", "c", 0, 1},
	} {
		h, ok := ReadHead(hosttest.EncodePairs(tt.fields), tt.accept)
		r := h.Request
		if !ok || string(r.Authorization) != tt.authorization || r.AuthorizationCount != tt.count || string(r.Token) != tt.token || r.TokenCount != tt.tokens || r.Schemes != tt.accept.Schemes {
			t.Errorf("%q: %+v, %t", tt.fields, r, ok)
		}
	}
}

func TestRemove(t *testing.T) {
	accept := core.Accept{Fields: []string{"x-api-key"}}
	fields := hosttest.EncodePairs([][2]string{
		{":path", "/"}, {"x-auth-request-user", "a"}, {"Authorization", "e"}, {"X_Auth_Request_Scopes", "b"}, {"x-auth-request-users", "c"}, {"X-API-Key", ""}, {"x.auth.request.key", "d"},
	})
	for _, tt := range []struct {
		accept core.Accept
		strip  bool
		want   []string
	}{
		{accept, false, []string{"x-auth-request-user", "X_Auth_Request_Scopes", "x.auth.request.key"}},
		{accept, true, []string{"x-auth-request-user", "Authorization", "X_Auth_Request_Scopes", "X-API-Key", "x.auth.request.key"}},
		{core.Accept{}, true, []string{"x-auth-request-user", "Authorization", "X_Auth_Request_Scopes", "x.auth.request.key"}},
		{core.Accept{Schemes: core.NoScheme, Fields: []string{"x-api-key"}}, true, []string{"x-auth-request-user", "X_Auth_Request_Scopes", "X-API-Key", "x.auth.request.key"}},
	} {
		h, ok := ReadHead(fields, tt.accept)
		if !ok {
			t.Fatal("not read")
		}
		for stop := range len(tt.want) + 1 {
			var removed []string
			done := h.Remove(tt.strip, func(name []byte) bool {
				removed = append(removed, string(name))
				return len(removed) <= stop
			})
			if done != (stop == len(tt.want)) || !slices.Equal(removed, tt.want[:min(stop+1, len(tt.want))]) {
				t.Errorf("%+v: removed %q, %t, though removing fails after %d", tt.accept, removed, done, stop)
			}
		}
	}
}

func TestHeadAppendConnection(t *testing.T) {
	long := strings.Repeat("x", identity.MaxConnection)
	for _, tt := range []struct {
		fields    [][2]string
		left      string
		named, ok bool
	}{
		{nil, "", false, true},
		{[][2]string{{"connection", "close"}}, "close", false, true},
		{[][2]string{{"Connection", "close"}, {"a", "x-auth-request-user"}, {"CONNECTION", "upgrade"}}, "close,upgrade", false, true},
		{[][2]string{{"connection", "close, x-auth-request-user"}, {"connection", "upgrade"}}, "close,upgrade", true, true},
		{[][2]string{{"connection", "close"}, {"connection", "X-Auth-Request-Key"}}, "close", true, true},
		{[][2]string{{"connection", "x-auth-request-user"}}, "", true, true},
		{[][2]string{{"connection", long[1:]}}, long[1:], false, true},
		{[][2]string{{"connection", long}}, "", false, false},
		{[][2]string{{"connection", long[:2000]}, {"connection", long[:2094]}}, long[:2000] + "," + long[:2094], false, true},
		{[][2]string{{"connection", "x-auth-request-user"}, {"connection", long}}, "", false, false},
		{[][2]string{{"connection-x", long}}, "", false, true},
	} {
		h, ok := ReadHead(hosttest.EncodePairs(tt.fields), core.Accept{})
		if !ok {
			t.Fatal("not read")
		}
		left, named, ok := h.AppendConnection(nil)
		if ok != tt.ok || named != tt.named || ok && string(left) != tt.left {
			t.Errorf("%.80q: %.80q, %t, %t", tt.fields, left, named, ok)
		}
	}
}

func TestAppendPairs(t *testing.T) {
	for _, fields := range [][][2]string{{}, {{"", ""}}, {{"a", "Bearer"}}, {{"a", "Basic"}, {"a", "Bearer"}}} {
		name := ""
		var values []string
		for _, field := range fields {
			name, values = field[0], append(values, field[1])
		}
		if got, want := AppendPairs([]byte("x"), name, values), hosttest.EncodePairs(fields); !bytes.Equal(got, append([]byte("x"), want...)) {
			t.Errorf("%q: %q", fields, got)
		}
	}
}

// Whatever is accepted is written in the same bytes, so nothing in them is passed
// over, and what the fields of a head say is what a loop over them says.
func FuzzPairs(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		f.Add(hosttest.EncodePairs(hosttest.RequestFields(&v)))
	}
	for _, v := range vectors.Forwards() {
		f.Add(hosttest.EncodePairs(hosttest.Pairs(v.Request)))
	}
	f.Add(hosttest.EncodePairs([][2]string{{"X-API-Key", "a"}, {"authorization", "Basic YTpi"}}))
	accept := core.Accept{Schemes: core.Bearer | core.Basic, Fields: []string{"x-api-key"}}
	f.Fuzz(func(t *testing.T, pairs []byte) {
		list, ok := all(pairs)
		head, headOK := ReadHead(pairs, accept)
		if ok != headOK {
			t.Fatalf("%q: %t and %t", pairs, ok, headOK)
		}
		if !ok {
			if list != nil {
				t.Fatalf("%q is refused, and has %q", pairs, list)
			}
			return
		}
		if len(pairs) > 0 && !bytes.Equal(hosttest.EncodePairs(list), pairs) {
			t.Fatalf("%q is read as %q", pairs, list)
		}
		var values, tokens, removed, connections []string
		for _, field := range list {
			if isText(field[0], "authorization") {
				values = append(values, field[1])
			}
			if isText(field[0], "x-api-key") && strings.Trim(field[1], " \t") != "" {
				tokens = append(tokens, field[1])
			}
			if identity.IsIdentity(field[0]) || isText(field[0], "authorization") || isText(field[0], "x-api-key") {
				removed = append(removed, field[0])
			}
			if isText(field[0], "connection") {
				connections = append(connections, field[1])
			}
		}
		r := head.Request
		if r.AuthorizationCount != len(values) || len(values) > 0 && string(r.Authorization) != values[len(values)-1] {
			t.Fatalf("%q: %+v, want %q", list, r, values)
		}
		if r.TokenCount < len(tokens) || len(tokens) > 0 && string(r.Token) != tokens[len(tokens)-1] {
			t.Fatalf("%q: %+v, want %q", list, r, tokens)
		}
		var got []string
		head.Remove(true, func(name []byte) bool { got = append(got, string(name)); return true })
		if !slices.Equal(got, removed) {
			t.Fatalf("%q: removed %q", list, got)
		}
		size := len(connections)
		for _, value := range connections {
			size += len(value)
		}
		if _, _, ok := head.AppendConnection(nil); ok != (size <= identity.MaxConnection) {
			t.Fatalf("%q: %t for %d bytes", list, ok, size)
		}
	})
}

// isText reports whether two names are equal but for the case of their ASCII letters.
func isText(name, lower string) bool {
	return len(name) == len(lower) && strings.EqualFold(name, lower)
}
