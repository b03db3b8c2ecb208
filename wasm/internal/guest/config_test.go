package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

func TestParseConfiguration(t *testing.T) {
	tests := []struct {
		name string
		text string
		want Configuration
		key  string // of the error
		err  string // a part of it, or empty
	}{
		{"least", `{"keyring":"a"}`, Configuration{Keyring: []byte("a")}, "", ""},
		{"all", `{"keyring":"a","scope":["r","w"],"strip_authorization":true}`, Configuration{Keyring: []byte("a"), Scopes: "r w", StripAuthorization: true}, "", ""},
		{"another order, with space", " \t\r\n{ \"strip_authorization\" : false ,\n\"scope\" : [ \"r\" , \"w\" ] , \"keyring\" : [ \"a\" , \"b\" ] } \r\n", Configuration{Keyring: []byte("a\nb\n"), Scopes: "r w"}, "", ""},
		{"lines", `{"keyring":["a","","b"]}`, Configuration{Keyring: []byte("a\n\nb\n")}, "", ""},
		{"no lines", `{"keyring":[]}`, Configuration{}, "", ""},
		{"text with line breaks", `{"keyring":"a\nb\r\n"}`, Configuration{Keyring: []byte("a\nb\r\n")}, "", ""},
		{"no scopes", `{"keyring":"a","scope":[]}`, Configuration{Keyring: []byte("a")}, "", ""},
		{"any scope", `{"keyring":"a","scope":["*"]}`, Configuration{Keyring: []byte("a"), Scopes: "*"}, "", ""},
		{"escaped key", `{"key\u0072ing":"a"}`, Configuration{Keyring: []byte("a")}, "", ""},
		{"boolean as text", `{"keyring":"a","strip_authorization":"true"}`, Configuration{Keyring: []byte("a"), StripAuthorization: true}, "", ""},
		{"boolean as text, false", `{"keyring":"a","strip_authorization":"false"}`, Configuration{Keyring: []byte("a")}, "", ""},

		{"scopes as text", `{"keyring":"a","scope":"r,\t w "}`, Configuration{Keyring: []byte("a"), Scopes: "r w"}, "", ""},
		{"accept", `{"keyring":"a","accept":["basic","header:X-API-Key"]}`, Configuration{Keyring: []byte("a"), Accept: core.Accept{Schemes: core.Basic, Fields: []string{"x-api-key"}}}, "", ""},
		{"accept as text", `{"keyring":"a","accept":"header:b, header:a"}`, Configuration{Keyring: []byte("a"), Accept: core.Accept{Schemes: core.NoScheme, Fields: []string{"b", "a"}}}, "", ""},
		{"accept the default", `{"keyring":"a","accept":["bearer"]}`, Configuration{Keyring: []byte("a"), Accept: core.Accept{Schemes: core.Bearer}}, "", ""},
		{"realm", `{"keyring":"a","realm":"the inner rooms"}`, Configuration{Keyring: []byte("a"), Realm: "the inner rooms"}, "", ""},
		{"no realm", `{"keyring":"a","realm":""}`, Configuration{Keyring: []byte("a")}, "", ""},
		{"identity", `{"keyring":"a","identity":["key","user"]}`, Configuration{Keyring: []byte("a"), Identity: core.IdentityUser | core.IdentityKey}, "", ""},
		{"identity as text", `{"keyring":"a","identity":"scopes"}`, Configuration{Keyring: []byte("a"), Identity: core.IdentityScopes}, "", ""},

		{"accept nothing", `{"keyring":"a","accept":[]}`, Configuration{}, "accept", "write "},
		{"accept an empty text", `{"keyring":"a","accept":""}`, Configuration{}, "accept", "write "},
		{"accept another place", `{"keyring":"a","accept":["bearer","cookie:secret"]}`, Configuration{}, "accept", "header:NAME"},
		{"accept in other letters", `{"keyring":"a","accept":["Bearer"]}`, Configuration{}, "accept", "write "},
		{"accept a field that is taken", `{"keyring":"a","accept":["header:X-Auth-Request-User"]}`, Configuration{}, "accept", "X-API-Key"},
		{"accept a place twice", `{"keyring":"a","accept":["header:a","header:A"]}`, Configuration{}, "accept", "twice"},
		{"accept a boolean", `{"keyring":"a","accept":true}`, Configuration{}, "accept", `write for example ["bearer"`},
		{"accept a number in the list", `{"keyring":"a","accept":["bearer",1]}`, Configuration{}, "accept", `write for example ["bearer"`},
		{"accept that does not end", `{"keyring":"a","accept":"bearer`, Configuration{}, "accept", `write for example ["bearer"`},
		{"accept twice", `{"keyring":"a","accept":"bearer","accept":"bearer"}`, Configuration{}, "accept", "twice"},
		{"realm that is a list", `{"keyring":"a","realm":["a"]}`, Configuration{}, "realm", `"" for none`},
		{"realm with a quote", `{"keyring":"a","realm":"secret\""}`, Configuration{}, "realm", "printable"},
		{"realm too long", `{"keyring":"a","realm":"` + strings.Repeat("x", core.MaxRealm+1) + `"}`, Configuration{}, "realm", "128"},
		{"identity of nothing", `{"keyring":"a","identity":[]}`, Configuration{}, "identity", "write "},
		{"identity of something else", `{"keyring":"a","identity":["user","groups"]}`, Configuration{}, "identity", "write "},
		{"identity twice", `{"keyring":"a","identity":["user","user"]}`, Configuration{}, "identity", "twice"},
		{"identity null", `{"keyring":"a","identity":null}`, Configuration{}, "identity", `write for example ["user"`},

		{"nothing", "", Configuration{}, "", "there is none"},
		{"only space", " \n", Configuration{}, "", "there is none"},
		{"no object", `["keyring"]`, Configuration{}, "", "not a JSON object"},
		{"no JSON", `keyring`, Configuration{}, "", "not a JSON object"},
		{"null", `null`, Configuration{}, "", "not a JSON object"},
		{"not closed", `{"keyring":"a"`, Configuration{}, "", "not JSON"},
		{"closed twice", `{"keyring":"a"}}`, Configuration{}, "", "follows"},
		{"two objects", `{"keyring":"a"}{}`, Configuration{}, "", "follows"},
		{"a comma too many", `{"keyring":"a",}`, Configuration{}, "", "not JSON"},
		{"a comma first", `{,"keyring":"a"}`, Configuration{}, "", "not JSON"},
		{"no comma", `{"keyring":"a" "scope":[]}`, Configuration{}, "", "not JSON"},
		{"no colon", `{"keyring" "a"}`, Configuration{}, "", "not JSON"},
		{"key without quotes", `{keyring:"a"}`, Configuration{}, "", "not JSON"},
		{"no value", `{"keyring":}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"empty object", `{}`, Configuration{}, "keyring", "missing"},
		{"no keyring", `{"scope":["r"]}`, Configuration{}, "keyring", "missing"},
		{"keyring that is a number", `{"keyring":1}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"keyring that is null", `{"keyring":null}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"keyring with a number in the list", `{"keyring":["a",1]}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"keyring that does not end", `{"keyring":"a`, Configuration{}, "keyring", "neither a text nor a list"},
		{"list that does not end", `{"keyring":["a"`, Configuration{}, "keyring", "neither a text nor a list"},
		{"list with a comma too many", `{"keyring":["a",]}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"list without a comma", `{"keyring":["a" "b"]}`, Configuration{}, "keyring", "neither a text nor a list"},
		{"LF in a line", `{"keyring":["a\nb"]}`, Configuration{}, "keyring", "line break"},
		{"LF at the beginning of a line", `{"keyring":["\nb"]}`, Configuration{}, "keyring", "line break"},
		{"CR in a line", `{"keyring":["a","a\rb"]}`, Configuration{}, "keyring", "line break"},
		{"CR at the beginning of a line", `{"keyring":["\rb"]}`, Configuration{}, "keyring", "line break"},
		{"keyring twice", `{"keyring":"a","keyring":"a"}`, Configuration{}, "keyring", "twice"},
		{"scope twice", `{"keyring":"a","scope":["a"],"scope":[]}`, Configuration{}, "scope", "twice"},
		{"key in other letters", `{"Keyring":"a"}`, Configuration{}, "", "use keyring, scope, accept, realm, identity and strip_authorization"},
		{"another key", `{"keyring":"a","token":"secret"}`, Configuration{}, "", "use keyring, scope, accept, realm, identity and strip_authorization"},
		{"scope that is an empty text", `{"keyring":"a","scope":""}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"scopes as text, one empty", `{"keyring":"a","scope":"a,"}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"scopes in a list with a comma", `{"keyring":"a","scope":["a,b"]}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"scope that is a number", `{"keyring":"a","scope":1}`, Configuration{}, "scope", "list of scopes"},
		{"scope with a space", `{"keyring":"a","scope":["a b"]}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"empty scope", `{"keyring":"a","scope":["a",""]}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"scope first wrong, then right", `{"keyring":"a","scope":["a b","c"]}`, Configuration{}, "scope", "a scope is 1 to 64"},
		{"strip that is a number", `{"keyring":"a","strip_authorization":1}`, Configuration{}, "strip_authorization", "neither true nor false"},
		{"strip that is another word", `{"keyring":"a","strip_authorization":"True"}`, Configuration{}, "strip_authorization", "neither true nor false"},
		{"strip that is cut", `{"keyring":"a","strip_authorization":tru`, Configuration{}, "strip_authorization", "neither true nor false"},
		{"strip twice", `{"keyring":"a","strip_authorization":true,"strip_authorization":false}`, Configuration{}, "strip_authorization", "twice"},
		{"too long", `{"keyring":"a"}` + strings.Repeat(" ", MaxConfiguration), Configuration{}, "", "longer than 1048576 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ParseConfiguration([]byte(tt.text))
			if tt.err == "" {
				if err != nil || !equal(c, tt.want) {
					t.Errorf("%+v, %v", c, err)
				}
				return
			}
			fault, ok := errors.AsType[*ConfigurationError](err)
			if !ok || fault.Key != tt.key || !strings.Contains(err.Error(), tt.err) || !equal(c, Configuration{}) {
				t.Errorf("%+v, %+v: %v, want %s and %q", c, fault, err, tt.key, tt.err)
			}
			if tt.key != "" && !strings.Contains(err.Error(), "the configuration's "+tt.key+": ") || !errors.Is(err, fault.Err) {
				t.Errorf("the error does not say where: %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%v quotes the configuration", err)
			}
		})
	}
}

func equal(a, b Configuration) bool {
	keyrings := bytes.Equal(a.Keyring, b.Keyring) // nil or empty
	a.Keyring, b.Keyring = nil, nil
	return keyrings && reflect.DeepEqual(a, b)
}

// The longest configuration and the longest list of scopes are still taken.
func TestParseConfigurationLimits(t *testing.T) {
	text := `{"keyring":"a"}`
	text += strings.Repeat(" ", MaxConfiguration-len(text))
	if _, err := ParseConfiguration([]byte(text)); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		first int // how long the first name is
		size  int // of the list
		err   string
	}{
		{63, maxScopes, ""},
		{64, maxScopes + 1, "the configuration's scope: it is longer than 4096 bytes"},
	} {
		names := []string{strings.Repeat("x", tt.first)}
		for range maxScopes/64 - 2 {
			names = append(names, strings.Repeat("y", 63))
		}
		names = append(names, strings.Repeat("z", 64))
		list, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		if size := len(strings.Join(names, " ")); size != tt.size {
			t.Fatalf("%d bytes, want %d", size, tt.size)
		}
		c, err := ParseConfiguration([]byte(`{"keyring":"a","scope":` + string(list) + `}`))
		if tt.err == "" && (err != nil || len(c.Scopes) != tt.size) || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%d bytes: %v", tt.size, err)
		}
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		json, want string
		ok         bool
	}{
		{`""`, "", true},
		{` "a"`, "a", true},
		{`"a b"`, "a b", true},
		{"\"\u00e9\U0001F511\"", "\u00e9\U0001F511", true},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", true},
		{`"\u00e9\u00E9\u0041\uabcd\uABCD\u0000"`, "\u00e9\u00e9A\uabcd\uabcd\x00", true},
		{`"\ud83d\udd11"`, "\U0001F511", true},
		{`"x\uD83D\uDD11y"`, "x\U0001F511y", true},
		{`"\ufffd"`, "\ufffd", true},
		{"\"\ufffd\"", "\ufffd", true},
		{"\"\x7f\"", "\x7f", true},

		{``, "", false},
		{`a`, "", false},
		{`"`, "", false},
		{`"a`, "", false},
		{`"\`, "", false},
		{`"\"`, "", false},
		{`"\x"`, "", false},
		{`"\'"`, "", false},
		{`"\u00e"`, "", false},
		{`"\u00eg"`, "", false},
		{`"\u00ge"`, "", false},
		{`"\u+041"`, "", false},
		{`"\u0x41"`, "", false},
		{`"\u 041"`, "", false},
		{"\"\\u\x10041\"", "", false},
		{`"\u0g00"`, "", false},
		{`"\ug000"`, "", false},
		{`"\u00e`, "", false},
		{`"\U00e9"`, "", false},
		{`"\ud83d"`, "", false},
		{`"\ud83dx"`, "", false},
		{`"\ud83d\n"`, "", false},
		{`"\ud83d\u0041"`, "", false},
		{`"\ud83d\ud83d"`, "", false},
		{`"\udd11\ud83d"`, "", false},
		{`"\udd11"`, "", false},
		{"\"\n\"", "", false},
		{"\"\x00\"", "", false},
		{"\"\x1f\"", "", false},
		{"\"\xff\"", "", false},
		{"\"\xc3\"", "", false},
		{"\"\xed\xa0\x80\"", "", false},
	} {
		r := reader{[]byte(tt.json)}
		if text, ok := r.text(); ok != tt.ok || text != tt.want || ok && !r.end() {
			t.Errorf("%s: %q, %t", tt.json, text, ok)
		}
	}
}

// The parts of a reader take what ends where they do.
func TestReaderAtTheEnd(t *testing.T) {
	for text, want := range map[string][2]bool{"true": {true, true}, "false": {false, true}, "tru": {}, "fals": {}, "": {}, "x": {}} {
		r := reader{[]byte(text)}
		if value, ok := r.boolean(); value != want[0] || ok != want[1] || ok && !r.end() {
			t.Errorf("%s: %t, %t", text, value, ok)
		}
	}
	for text, want := range map[string]rune{`\n`: '\n', `\u00e9`: 'é', `\ud83d\udd11`: '\U0001F511', `\`: 0, `\u00e`: 0, "": 0} {
		r := reader{[]byte(text)}
		if char, ok := r.escape(); ok != (want != 0) || ok && (char != want || !r.end()) {
			t.Errorf("%s: %q, %t", text, char, ok)
		}
	}
}

// What a configuration says is what JSON says.
func FuzzParseConfiguration(f *testing.F) {
	for _, v := range vectors.Verdicts() {
		if len(v.Keyring) < 4<<10 {
			f.Add(hosttest.Configuration(&v))
		}
	}
	for _, bad := range hosttest.BadConfigurations() {
		if len(bad) < 4<<10 {
			f.Add([]byte(bad))
		}
	}
	f.Add([]byte(`{"keyring":["a","\u00e9\ud83d\udd11"],"scope":["a","b"],"strip_authorization":"true"}`))
	f.Add([]byte(`{"keyring":"a","scope":"a, b","accept":["basic","header:X-API-Key"],"realm":"a b","identity":"user,scopes , key"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfiguration(data)
		want, wantOK := viaJSON(data)
		if err != nil {
			if wantOK {
				t.Fatalf("%q is refused: %v", data, err)
			}
			return
		}
		if !wantOK || !equal(c, want) {
			t.Fatalf("%q is taken for %+v, want %+v, %t", data, c, want, wantOK)
		}
	})
}

// viaJSON is ParseConfiguration by the standard library.
func viaJSON(data []byte) (c Configuration, ok bool) {
	if len(data) > MaxConfiguration || !utf8.Valid(data) || !json.Valid(data) || loneSurrogate(data) {
		return c, false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return c, false
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		name, isText := key.(string)
		var value any
		if err != nil || !isText || seen[name] || d.Decode(&value) != nil {
			return c, false
		}
		seen[name] = true
		texts, isList := listOf(value)
		words, areWords := texts, isList
		if text, isText := value.(string); isText {
			words, areWords = strings.Split(text, ","), true
			for i := range words {
				words[i] = strings.Trim(words[i], " \t")
			}
		}
		switch name {
		case "keyring":
			text, isText := value.(string)
			if !isText && !isList || slices.ContainsFunc(texts, func(line string) bool { return strings.ContainsAny(line, "\r\n") }) {
				return c, false
			}
			for _, line := range texts {
				text += line + "\n"
			}
			c.Keyring = []byte(text)
		case "scope":
			if !areWords || slices.ContainsFunc(words, func(s string) bool { return !validScope(s) }) {
				return c, false
			}
			c.Scopes = strings.Join(words, " ")
		case "accept":
			if c.Accept, err = core.ParseAccept(strings.Join(words, ",")); err != nil || !areWords {
				return c, false
			}
		case "identity":
			if c.Identity, err = core.ParseIdentity(strings.Join(words, ",")); err != nil || !areWords {
				return c, false
			}
		case "realm":
			if c.Realm, isText = value.(string); !isText || c.Realm != "" && core.CheckRealm(c.Realm) != nil {
				return c, false
			}
		case "strip_authorization":
			if value != true && value != false && value != "true" && value != "false" {
				return c, false
			}
			c.StripAuthorization = value == true || value == "true"
		default:
			return c, false
		}
	}
	return c, seen["keyring"] && len(c.Scopes) <= maxScopes
}

func listOf(value any) (texts []string, ok bool) {
	list, ok := value.([]any)
	for _, item := range list {
		text, isText := item.(string)
		texts, ok = append(texts, text), ok && isText
	}
	return texts, ok
}

func validScope(name string) bool {
	return name != "" && len(name) <= 64 && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == '\\'
	})
}

// loneSurrogate reports whether an escape in data is half of a character: package
// json puts U+FFFD in its place.
func loneSurrogate(data []byte) bool {
	escaped := bytes.Count(bytes.ToLower(bytes.ReplaceAll(data, []byte(`\\`), nil)), []byte(`\ufffd`))
	var value any
	if json.Unmarshal(data, &value) != nil {
		return false
	}
	normal, err := json.Marshal(value)
	return err == nil && bytes.Count(normal, []byte("\ufffd")) != escaped+bytes.Count(data, []byte("\ufffd"))
}
