package vectors

import (
	"strings"
	"testing"
)

// Each case is a table that is right but for one fault.
func TestVerdictTableIsStrict(t *testing.T) {
	const good = `{"now": 5, "configurations": {"c": {"comment": "c", "keyring": ["k"], "token": "t", "accept": "basic", "realm": "r", "identity": "user,key"}},
		"cases": [{"name": "n", "comment": "c", "configuration": "c", "authorization": ["Bearer x"], "scopes": ["s"], "now": 6,
		"fields": [["A", "b"]], "expect": {"status": 200, "reason": "granted", "principal": "p", "key": "k"}, "except": {"reactor": "why"}}]}`
	list, err := decodeVerdicts([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	v := list[0]
	if string(v.Keyring) != "k\n" || string(v.Token) != "t" || v.Now != 6 || v.Accept != "basic" || v.Realm != "r" || v.Identity != "user,key" {
		t.Errorf("%+v", v)
	}
	if len(v.Fields) != 1 || v.Fields[0] != (Field{"A", "b"}) || v.Expect.Key != "k" || !v.Tells("user") || !v.Tells("key") || v.Tells("scopes") {
		t.Errorf("%+v", v)
	}
	if list, err = decodeVerdicts([]byte(strings.Replace(good, `"keyring": ["k"], `, "", 1))); err != nil || list[0].Keyring != nil {
		t.Errorf("without a keyring, it is %q (%v)", list[0].Keyring, err)
	}
	again := good[strings.Index(good, `{"name"`) : len(good)-2]
	refuse(t, good, func(b []byte) error { _, err := decodeVerdicts(b); return err }, [][3]string{
		{"not JSON", `{"now"`, `{now`},
		{"an unknown key", `"now": 6`, `"time": 6`},
		{"an unknown key above", `{"now": 5`, `{"then": 5`},
		{"a key twice", `"now": 6`, `"now": 6, "now": 7`},
		{"a key twice in an outcome", `"status": 200`, `"status": 200, "status": 401`},
		{"a case twice", again, again + "," + again},
		{"no case", again, ""},
		{"no name", `"name": "n"`, `"name": ""`},
		{"no comment", `"comment": "c", "configuration"`, `"comment": "", "configuration"`},
		{"no such configuration", `"configuration": "c"`, `"configuration": "d"`},
		{"a configuration that is not used", `"configurations": {`, `"configurations": {"d": {"comment": "d"}, `},
		{"no such reason", `"granted"`, `"allowed"`},
		{"a status of another reason", `"status": 200`, `"status": 401`},
		{"no principal", `"principal": "p"`, `"principal": ""`},
		{"a principal of nobody", `"status": 200, "reason": "granted"`, `"status": 401, "reason": "unknown"`},
		{"no value of a field", `["A", "b"]`, `["A"]`},
		{"two values of a field", `["A", "b"]`, `["A", "b", "c"]`},
		{"no name of a field", `["A", "b"]`, `["", "b"]`},
		{"a key id of nobody", `"status": 200, "reason": "granted"`, `"status": 401, "reason": "expired"`},
		{"no challenges where they are others", `"status": 200, "reason": "granted", "principal": "p", "key": "k"`, `"status": 401, "reason": "missing"`},
		{"no such build", `"reactor"`, `"nuclear"`},
		{"an exception for the core", `"reactor"`, `"core"`},
		{"an exception without a reason", `"why"`, `""`},
		{"a character that is no byte", `Bearer x`, `Bearer €`},
		{"a bracket that does not close", `Bearer x`, `Bearer ⟦x`},
		{"more behind it", `"why"}}]}`, `"why"}}]} {}`},
	})
}

func TestForwardTableIsStrict(t *testing.T) {
	const good = `{"keyring": ["k"], "cases": [{"name": "n", "comment": "c", "strip": true, "request": [["A", "b"]], "status": 200,
		"forwarded": [["A", "b"]], "except": {"reactor": "why"}}]}`
	if _, err := decodeForwards([]byte(good)); err != nil {
		t.Fatal(err)
	}
	again := good[strings.Index(good, `{"name"`) : len(good)-2]
	refuse(t, good, func(b []byte) error { _, err := decodeForwards(b); return err }, [][3]string{
		{"an unknown key", `"strip"`, `"keep"`},
		{"no keyring", `["k"]`, `[]`},
		{"a case twice", again, again + "," + again},
		{"no case", again, ""},
		{"no comment", `"comment": "c"`, `"comment": ""`},
		{"a status of no build", `200`, `302`},
		{"no value of a field", `[["A", "b"]], "status"`, `[["A"]], "status"`},
		{"a denial that is passed on", `200`, `401`},
		{"nothing passed on", `[["A", "b"]], "except"`, `[], "except"`},
		{"no such build", `"reactor"`, `"nuclear"`},
	})
}

// The check finds a build that returns something else.
func TestForwardsFindFaults(t *testing.T) {
	forwards := []Forward{{Name: "a", Status: 200, Request: []Field{{"A", "b"}}, Forwarded: []Field{{"X", "y"}, {"A", "b"}}}}
	for name, tt := range map[string]struct {
		status int
		fields []Field
		right  bool
	}{
		"right":         {200, []Field{{"a", "b"}, {"x", "y"}}, true},
		"denied":        {401, nil, false},
		"one lost":      {200, []Field{{"A", "b"}}, false},
		"one too many":  {200, []Field{{"A", "b"}, {"X", "y"}, {"X", "y"}}, false},
		"another value": {200, []Field{{"A", "b"}, {"X", "Y"}}, false},
	} {
		asked, err := checkForwards(forwards, Forwarder{Build: ProxyWasm, Forward: func(*Forward) (int, []Field, error) {
			return tt.status, tt.fields, nil
		}}, func(_ string, err error) {
			if (err == nil) != tt.right {
				t.Errorf("%s: %v", name, err)
			}
		})
		if asked != 1 || err != nil {
			t.Errorf("%d asked, %v", asked, err)
		}
	}
}

func TestKeyringTableIsStrict(t *testing.T) {
	const good = `[{"name": "a", "comment": "c", "text": "one\nbad secret", "errors": [{"line": 2, "layer": "scope", "contains": "x"}], "file_errors": [{"line": 2, "layer": "end", "contains": "y"}], "secret": "secret"},
		{"name": "b", "comment": "c", "text": "two\n", "entries": ["two"]}]`
	if _, err := decodeKeyrings([]byte(good)); err != nil {
		t.Fatal(err)
	}
	refuse(t, good, func(b []byte) error { _, err := decodeKeyrings(b); return err }, [][3]string{
		{"an unknown key", `"entries"`, `"entry"`},
		{"a name twice", `"name": "b"`, `"name": "a"`},
		{"no comment", `"comment": "c", "text": "two\n"`, `"comment": "", "text": "two\n"`},
		{"neither entries nor an error", `, "entries": ["two"]`, ``},
		{"entries and an error", `"secret": "secret"`, `"entries": []`},
		{"no errors", `[{"line": 2, "layer": "scope", "contains": "x"}]`, `[]`},
		{"an unended text without a word on the file", `, "file_errors": [{"line": 2, "layer": "end", "contains": "y"}]`, ``},
		{"an end that a text is refused for", `"scope"`, `"end"`},
		{"a line beyond the file's last", `"line": 2, "layer": "end"`, `"line": 3, "layer": "end"`},
		{"a line beyond the last", `"line": 2`, `"line": 3`},
		{"a line before the first", `"line": 2`, `"line": 0`},
		{"no such layer", `"scope"`, `"scopes"`},
		{"no message", `"contains": "x"`, `"contains": ""`},
		{"a secret from elsewhere", `"secret": "secret"`, `"secret": "other"`},
		{"no case", good, `[]`},
	})
}

func TestExchangeTableIsStrict(t *testing.T) {
	const servers = `{"s": {"config": {"A": "b"}, "keyring": ["k"]}}`
	const good = `{"id": "a", "group": "g", "note": "n", "server": "s", "request": "GET", "expect": [{"status": 200, "fields": {"A": "b", "C": null}}], "after": "open"}` + "\n" +
		`{"id": "b", "group": "g", "note": "n", "server": "s", "request": "", "contract": ["400", "no response"], "health": true}` + "\n"
	list, err := decodeExchanges([]byte(servers), []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Config["A"] != "b" || string(list[1].Keyring) != "k\n" {
		t.Errorf("the server is started with %q and %q", list[0].Config, list[1].Keyring)
	}
	refuse(t, good, func(b []byte) error { _, err := decodeExchanges([]byte(servers), b); return err }, [][3]string{
		{"an unknown key", `"after"`, `"then"`},
		{"an ID twice", `"id": "b"`, `"id": "a"`},
		{"no group", `"group": "g", "note": "n", "server": "s", "request": ""`, `"note": "n", "server": "s", "request": ""`},
		{"no note", `"note": "n", "server": "s", "request": ""`, `"server": "s", "request": ""`},
		{"no such server", `"server": "s", "request": ""`, `"server": "x", "request": ""`},
		{"no request", `"request": "", `, ``},
		{"neither an expectation nor a contract", `, "contract": ["400", "no response"]`, ``},
		{"both", `"after": "open"`, `"contract": ["400"]`},
		{"no such end", `"open"`, `"ajar"`},
		{"no status", `"status": 200, `, ``},
		{"an empty list of statuses", `"status": 200`, `"status": []`},
		{"a status that is a word", `"status": 200`, `"status": "ok"`},
		{"no such word in a contract", `"no response"`, `"silence"`},
		{"an empty line", "}\n", "}\n\n"},
		{"no case", good, ""},
	})
	second := strings.Replace(good, `"health"`, `"ill"`, 1)
	if _, err := decodeExchanges([]byte(servers), []byte(second)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
		t.Errorf("a fault of the second line: %v", err)
	}
	for name, bad := range map[string]string{
		"an unknown key": `{"s": {"configuration": {}}}`, "a name twice": `{"s": {}, "s": {}}`, "not JSON": `x`,
	} {
		if _, err := decodeExchanges([]byte(bad), []byte(good)); err == nil {
			t.Errorf("servers: %s is taken", name)
		}
	}
}

// refuse applies each fault (its name, what it replaces and by what) to a good
// table, and expects an error of decode.
func refuse(t *testing.T, good string, decode func([]byte) error, faults [][3]string) {
	t.Helper()
	for _, fault := range faults {
		bad := strings.Replace(good, fault[1], fault[2], 1)
		if bad == good {
			t.Errorf("%s: nothing was replaced", fault[0])
		}
		if err := decode([]byte(bad)); err == nil {
			t.Errorf("%s is taken", fault[0])
		}
	}
}
