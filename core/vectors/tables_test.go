package vectors

import (
	"slices"
	"strings"
	"testing"
)

// The tables are only as good as they are complete: each layer, reason and
// kind of request must be there, and no table may shrink to a stub.
func TestVerdictTable(t *testing.T) {
	verdicts := Verdicts()
	if len(verdicts) < 600 {
		t.Errorf("%d verdicts", len(verdicts))
	}
	places := map[string]int{} // that a configuration names, or a request has
	reasons, asked, seen := map[string]int{}, map[Build]int{}, map[string]bool{}
	for i, v := range verdicts {
		reasons[v.Expect.Reason]++
		for place := range strings.SplitSeq(v.Accept, ",") {
			places[place]++
		}
		for name, there := range map[string]bool{
			"a realm": v.Realm != "", "a field": len(v.Fields) > 0, "several fields": len(v.Fields) > 1,
			"scopes told": v.Tells("scopes"), "a key id told": v.Tells("key"), "a list without user": v.Identity != "" && !strings.Contains(v.Identity, "user"),
			"two challenges": len(v.Expect.Challenges) > 1, "no challenge": v.Expect.Status == 401 && len(v.Expect.Challenges) == 0,
		} {
			if there {
				places[name]++
			}
		}
		for _, build := range Builds() {
			if _, ok := v.Except[build]; !ok {
				asked[build]++
			}
		}
		if i > 0 && v.Configuration != verdicts[i-1].Configuration && seen[v.Configuration] {
			t.Errorf("%s: the cases of configuration %s are not together", v.Name, v.Configuration)
		}
		seen[v.Configuration] = true
	}
	for _, reason := range []string{"granted", "missing", "malformed", "unknown", "expired", "insufficient_scope", "unconfigured"} {
		if reasons[reason] < 5 {
			t.Errorf("%d verdicts are %s", reasons[reason], reason)
		}
	}
	for name, least := range map[string]int{
		"bearer": 50, "basic": 150, "header:X-API-Key": 80, "header:X_API_Key": 5,
		"a realm": 30, "a field": 100, "several fields": 15, "scopes told": 20, "a key id told": 20, "a list without user": 2,
		"two challenges": 15, "no challenge": 25,
	} {
		if places[name] < least {
			t.Errorf("%d verdicts have %s", places[name], name)
		}
	}
	for _, build := range Builds() {
		if asked[build] < len(verdicts)/2 {
			t.Errorf("%s is asked %d verdicts of %d", build, asked[build], len(verdicts))
		}
	}
}

func TestForwardTable(t *testing.T) {
	forwards := Forwards()
	if len(forwards) < 45 {
		t.Errorf("%d requests", len(forwards))
	}
	denied, stripped, told, elsewhere := 0, 0, 0, 0
	for _, f := range forwards {
		if f.Identity != "" {
			told++
		}
		if f.Accept != "" {
			elsewhere++
		}
		if f.Status != 200 {
			denied++
		}
		if f.Strip {
			stripped++
		}
	}
	if denied < 5 || stripped < 3 || told < 5 || elsewhere < 5 {
		t.Errorf("%d are denied, %d stripped, %d told more, %d accepted elsewhere", denied, stripped, told, elsewhere)
	}
}

func TestKeyringTable(t *testing.T) {
	good, bad, secrets := 0, map[string]int{}, 0
	for _, k := range Keyrings() {
		if k.Secret != nil {
			secrets++
		}
		if len(k.Errors) == 0 && len(k.FileErrors) == 0 {
			good++
			continue
		}
		for _, e := range slices.Concat(k.Errors, k.FileErrors) {
			bad[e.Layer]++
		}
	}
	if good < 50 || secrets < 10 {
		t.Errorf("%d good keyrings, %d secrets", good, secrets)
	}
	for _, layer := range layers() {
		if bad[layer] < 5 {
			t.Errorf("%d keyrings are refused for %s", bad[layer], layer)
		}
	}
}

func TestExchangeTables(t *testing.T) {
	requests, recorded := Requests(), Recorded()
	if len(requests) < 420 || len(recorded) != 306 {
		t.Errorf("%d requests, %d recorded ones", len(requests), len(recorded))
	}
	groups, servers := map[string]int{}, map[string]bool{}
	for _, e := range slices.Concat(requests, recorded) {
		groups[e.Group]++
		servers[e.Server] = true
	}
	for _, group := range []string{
		"connection", "scheme", "fields", "empty-token", "methods", "scope", "strict", "smuggling", "body", "bytes",
		"pipelining", "scope-field", "ext_authz", "absolute-form", "sources", "independence", "limits", "places",
		"config", "bearer", "routes", "http",
	} {
		if groups[group] < 5 {
			t.Errorf("%d exchanges are of the group %s", groups[group], group)
		}
	}
	var table serverTable
	if err := decodeStrict(read("servers.json"), &table); err != nil {
		t.Fatal(err)
	}
	for name := range table {
		if !servers[name] {
			t.Errorf("no exchange is for the server %s", name)
		}
	}
	for _, e := range requests {
		for i, want := range e.expect {
			if err := checkExpectedForm(want); err != nil {
				t.Errorf("%s: response %d: %v", e.ID, i+1, err)
			}
		}
	}
}

// checkExpectedForm: an expectation that no well-formed response meets would
// be a fault of the table.
func checkExpectedForm(want expectation) error {
	r := response{status: want.Status[0], fields: map[string][]string{}, body: want.Body, head: want.Head, challenges: want.Challenges}
	for name, value := range map[string]string{
		"date": "Mon, 02 Jan 2006 15:04:05 GMT", "content-length": "0", "cache-control": "no-store", "allow": "GET, HEAD",
	} {
		r.fields[name] = []string{value}
	}
	switch r.status {
	case 200:
		if string(want.Body) == "healthy" || want.Head && want.Fields["X-Auth-Request-User"] == nil {
			r.fields["content-type"] = []string{"text/plain"}
		} else {
			r.fields["x-auth-request-user"] = []string{"default"}
		}
	case 401:
		r.fields["www-authenticate"] = []string{"Bearer"}
	case 403:
		r.fields["www-authenticate"] = []string{`Bearer error="insufficient_scope"`}
	case 404, 405, 500:
	default:
		r.fields["connection"] = []string{"close"}
	}
	if want.Challenges != nil {
		r.fields["www-authenticate"] = want.Challenges
	}
	for name, value := range want.Fields {
		if delete(r.fields, strings.ToLower(name)); value != nil {
			r.fields[strings.ToLower(name)] = []string{string(*value)}
		}
	}
	return r.checkForm()
}

func TestSeeds(t *testing.T) {
	for name, seeds := range map[string][][]byte{
		"Authorizations": Authorizations(), "KeyringTexts": KeyringTexts(), "RequestTexts": RequestTexts(),
	} {
		if len(seeds) < 100 {
			t.Errorf("%s: %d seeds", name, len(seeds))
		}
		seen := map[string]bool{}
		for _, seed := range seeds {
			if seen[string(seed)] {
				t.Errorf("%s: %.80q twice", name, seed)
			}
			seen[string(seed)] = true
		}
	}
}
