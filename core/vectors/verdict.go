package vectors

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A Verdict is a case: a request, a configuration, and the outcome that is right.
type Verdict struct {
	// Name is unique.
	Name string
	// Comment says what the case is about.
	Comment string
	// Configuration names the keyring and token, which many cases share. A build
	// that is slow to configure does so only when the name changes.
	Configuration string
	// Keyring is the text of the keyring, or nil if there is none.
	Keyring []byte
	// Token is the single token, or nil if there is none.
	Token []byte
	// Accept says where the build looks for a token, as core.ParseAccept reads it. It is
	// empty for the default.
	Accept string
	// Realm is the realm of the challenges, or empty.
	Realm string
	// Identity is a comma list of what is said of the owner of a token: user, scopes and
	// key. It is empty for the default, the user alone.
	Identity string
	// Authorization holds the values of the request's Authorization fields.
	Authorization [][]byte
	// Fields are other fields of the request. They come after Authorization.
	Fields []Field
	// Scopes are the scopes that the request needs.
	Scopes []string
	// Now is the time of the request in Unix seconds.
	Now int64
	// Expect is the outcome that is right.
	Expect Outcome
	// Except says which builds skip the case, and why.
	Except map[Build]string
}

// An Outcome is what a build made of a request.
type Outcome struct {
	// Status is the HTTP status code: 200, 401, 403 or 500.
	Status int `json:"status"`
	// Reason is the word for the layer that decided: granted, missing,
	// malformed, unknown, expired, insufficient_scope or unconfigured.
	Reason string `json:"reason"`
	// Principal is the owner of the token, if the reason is granted, expired or
	// insufficient_scope. A build may leave it out if Identity does not name the user.
	Principal string `json:"principal"`
	// Scopes are those of a granted token, separated by spaces, if Identity names them.
	Scopes string `json:"scopes"`
	// Key is the key id of a granted token, if Identity names it.
	Key string `json:"key"`
	// Challenges are the values of the WWW-Authenticate fields in their order. [Run]
	// fills them in if the table has none, and compares them only if the build says
	// what they are.
	Challenges []string `json:"challenges"`
}

// verdictTable is testdata/verdicts.json.
type verdictTable struct {
	// Now is the time of the cases that name none.
	Now            int64                    `json:"now"`
	Configurations map[string]configuration `json:"configurations"`
	Cases          []verdictCase            `json:"cases"`
}

type configuration struct {
	Comment string `json:"comment"`
	Keyring []Text `json:"keyring"` // lines without their ends
	Token   Text   `json:"token"`
	// These three are as in Verdict.
	Accept   string `json:"accept"`
	Realm    string `json:"realm"`
	Identity string `json:"identity"`
}

type verdictCase struct {
	Name          string      `json:"name"`
	Comment       string      `json:"comment"`
	Configuration string      `json:"configuration"`
	Authorization []Text      `json:"authorization"`
	Fields        []fieldText `json:"fields"`
	Scopes        []Text      `json:"scopes"`
	Now           *int64      `json:"now"`
	Expect        Outcome     `json:"expect"`
	Except        exceptions  `json:"except"`
}

// Verdicts returns the table of verdicts, sorted by configuration as the
// table is.
func Verdicts() []Verdict {
	verdicts, err := decodeVerdicts(read("verdicts.json"))
	if err != nil {
		panic(fmt.Errorf("verdicts.json: %w", err))
	}
	return verdicts
}

func decodeVerdicts(data []byte) ([]Verdict, error) {
	var table verdictTable
	if err := decodeStrict(data, &table); err != nil {
		return nil, err
	}
	if err := checkNames(table.Cases, func(c *verdictCase) string { return c.Name }); err != nil {
		return nil, err
	}
	used := map[string]bool{}
	verdicts := make([]Verdict, len(table.Cases))
	for i := range table.Cases {
		c := &table.Cases[i]
		conf, ok := table.Configurations[c.Configuration]
		if !ok {
			return nil, fmt.Errorf("%s: no configuration of the name %q", c.Name, c.Configuration)
		}
		used[c.Configuration] = true
		if err := c.check(conf); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		verdicts[i] = c.verdict(conf, table.Now)
	}
	for _, name := range slices.Sorted(maps.Keys(table.Configurations)) {
		if !used[name] {
			return nil, fmt.Errorf("no case uses the configuration %s", name)
		}
	}
	return verdicts, nil
}

func (c *verdictCase) check(conf configuration) error {
	if c.Comment == "" {
		return errors.New("no comment")
	}
	status, ok := map[string]int{
		"granted": 200, "missing": 401, "malformed": 401, "unknown": 401,
		"expired": 401, "insufficient_scope": 403, "unconfigured": 500,
	}[c.Expect.Reason]
	if !ok {
		return fmt.Errorf("unknown reason %q", c.Expect.Reason)
	}
	if c.Expect.Status != status {
		return fmt.Errorf("status %d for reason %s", c.Expect.Status, c.Expect.Reason)
	}
	known := slices.Contains([]string{"granted", "expired", "insufficient_scope"}, c.Expect.Reason)
	if known != (c.Expect.Principal != "") {
		return errors.New("a principal is known of a token that was found, and of no other")
	}
	if c.Expect.Reason != "granted" && c.Expect.Scopes+c.Expect.Key != "" {
		return errors.New("scopes and key id are told of a granted token only")
	}
	if conf.Accept+conf.Realm != "" && status != 200 && status != 500 && c.Expect.Challenges == nil {
		return errors.New("the challenges are not the default's; list them")
	}
	return c.Except.check()
}

func (c *verdictCase) verdict(conf configuration, now int64) Verdict {
	v := Verdict{
		Name:          c.Name,
		Comment:       c.Comment,
		Configuration: c.Configuration,
		Token:         conf.Token,
		Accept:        conf.Accept,
		Realm:         conf.Realm,
		Identity:      conf.Identity,
		Fields:        toFields(c.Fields),
		Now:           now,
		Expect:        c.Expect,
		Except:        c.Except,
	}
	if conf.Keyring != nil {
		v.Keyring = append(bytes.Join(toBytes(conf.Keyring), []byte("\n")), '\n')
	}
	if c.Now != nil {
		v.Now = *c.Now
	}
	v.Authorization = toBytes(c.Authorization)
	for _, scope := range c.Scopes {
		v.Scopes = append(v.Scopes, string(scope))
	}
	if v.Expect.Challenges == nil {
		v.Expect.Challenges = v.challenges()
	}
	return v
}

// Tells reports whether a backend is told what: the user, which is always told, or
// scopes or key, if Identity names them.
func (v *Verdict) Tells(what string) bool {
	for part := range strings.SplitSeq(v.Identity, ",") {
		if strings.TrimSpace(part) == what {
			return true
		}
	}
	return what == "user"
}

// challenges are those of a build that accepts Bearer alone and has no realm.
func (v *Verdict) challenges() []string {
	switch v.Expect.Status {
	case 401:
		return []string{"Bearer"}
	case 403:
		return []string{`Bearer error="insufficient_scope", scope="` + strings.Join(v.Scopes, " ") + `"`}
	}
	return nil
}

func toBytes(texts []Text) [][]byte {
	list := make([][]byte, len(texts))
	for i, t := range texts {
		list[i] = t
	}
	return list
}

// A Subject is a build under test.
type Subject struct {
	// Build is its name. Cases that except this build are skipped.
	Build Build
	// Decide answers a case. It may keep the case but must not change it.
	Decide func(*Verdict) (Outcome, error)
	// Opaque says that the build shows only what its callers see: the status, and
	// the principal of a request that passes. The reason, and the principal of any
	// other request, are then not compared.
	Opaque bool
}

// Run asks the subject about every case of the table and compares.
func Run(t *testing.T, s Subject) {
	t.Helper()
	asked, excepted, err := check(Verdicts(), s, func(name string, err error) {
		t.Run(name, func(t *testing.T) {
			if err != nil {
				t.Error(err)
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d verdicts asked, %d excepted", s.Build, asked, excepted)
}

// check asks the subject, and hands what comes of each case to report.
func check(verdicts []Verdict, s Subject, report func(name string, err error)) (asked, excepted int, err error) {
	if !slices.Contains(Builds(), s.Build) {
		return 0, 0, fmt.Errorf("%q is no build", s.Build)
	}
	for i := range verdicts {
		v := &verdicts[i]
		if _, ok := v.Except[s.Build]; ok {
			excepted++
			continue
		}
		asked++
		got, err := s.Decide(v)
		if err == nil {
			err = v.compare(got, s.Opaque)
		}
		report(v.Name, err)
	}
	if asked == 0 {
		return 0, excepted, errors.New("no verdict was asked")
	}
	return asked, excepted, nil
}

// compare reports how an outcome differs from the expected one.
func (v *Verdict) compare(got Outcome, opaque bool) error {
	want := v.Expect
	if opaque {
		want.Reason, got.Reason = "", ""
		if want.Status != 200 {
			want.Principal = ""
		}
	}
	if got.Challenges == nil || len(got.Challenges)+len(want.Challenges) == 0 {
		// The build has no say in them, or neither has any.
		got.Challenges, want.Challenges = nil, nil
	}
	if reflect.DeepEqual(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %+v, want %+v", v.Comment, got, want)
}
