package vectors

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A Forward is a request to a build that passes requests on, and the header
// fields that the next hop must get.
type Forward struct {
	// Name is unique.
	Name string
	// Comment says what the case is about.
	Comment string
	// Keyring is the text of the keyring. A request needs no scope.
	Keyring []byte
	// Accept and Identity are as in [Verdict].
	Accept, Identity string
	// Strip says that the build removes the fields in which a token is accepted.
	Strip bool
	// Request is the names and values of the request's fields.
	Request []Field
	// Status is 200 if the request is passed on, otherwise the denial's status.
	Status int
	// Forwarded are the fields that are passed on, in any order.
	Forwarded []Field
	// Except says which builds skip the case, and why.
	Except map[Build]string
}

// A Field is the name and the value of a header field.
type Field [2]string

// forwardTable is testdata/forwards.json.
type forwardTable struct {
	Keyring []Text        `json:"keyring"` // lines without their ends
	Cases   []forwardCase `json:"cases"`
}

type forwardCase struct {
	Name      string      `json:"name"`
	Comment   string      `json:"comment"`
	Accept    string      `json:"accept"`
	Identity  string      `json:"identity"`
	Strip     bool        `json:"strip"`
	Request   []fieldText `json:"request"`
	Status    int         `json:"status"`
	Forwarded []fieldText `json:"forwarded"`
	Except    exceptions  `json:"except"`
}

// Forwards returns the table of requests that are passed on, or not.
func Forwards() []Forward {
	forwards, err := decodeForwards(read("forwards.json"))
	if err != nil {
		panic(fmt.Errorf("forwards.json: %w", err))
	}
	return forwards
}

func decodeForwards(data []byte) ([]Forward, error) {
	var table forwardTable
	if err := decodeStrict(data, &table); err != nil {
		return nil, err
	}
	if err := checkNames(table.Cases, func(c *forwardCase) string { return c.Name }); err != nil {
		return nil, err
	}
	if len(table.Keyring) == 0 {
		return nil, errors.New("no keyring")
	}
	keyring := append(bytes.Join(toBytes(table.Keyring), []byte("\n")), '\n')
	forwards := make([]Forward, len(table.Cases))
	for i := range table.Cases {
		c := &table.Cases[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		forwards[i] = Forward{
			Name: c.Name, Comment: c.Comment, Keyring: keyring, Accept: c.Accept, Identity: c.Identity, Strip: c.Strip,
			Request: toFields(c.Request), Status: c.Status, Forwarded: toFields(c.Forwarded), Except: c.Except,
		}
	}
	return forwards, nil
}

func (c *forwardCase) check() error {
	switch {
	case c.Comment == "":
		return errors.New("no comment")
	case c.Status != http.StatusOK && c.Status != http.StatusUnauthorized:
		return fmt.Errorf("status %d", c.Status)
	case (c.Status == http.StatusOK) != (len(c.Forwarded) > 0):
		return errors.New("what is passed on has fields, what is denied has none")
	}
	return c.Except.check()
}

// fieldText is a field in a table: its name and its value.
type fieldText [2]Text

// UnmarshalJSON refuses what encoding/json would fill in or pass over.
func (f *fieldText) UnmarshalJSON(data []byte) error {
	var texts []Text
	if err := decodeStrict(data, &texts); err != nil {
		return err
	}
	if len(texts) != 2 || len(texts[0]) == 0 {
		return errors.New("a field that is not a name and a value")
	}
	*f = fieldText(texts)
	return nil
}

func toFields(pairs []fieldText) []Field {
	var fields []Field
	for _, p := range pairs {
		fields = append(fields, Field{string(p[0]), string(p[1])})
	}
	return fields
}

// A Forwarder is a build under test that passes requests on.
type Forwarder struct {
	// Build is its name. Cases that except this build are skipped.
	Build Build
	// Forward sends a request and returns the status, and, if that is 200, the
	// fields that were passed on. It may keep the case but must not change it.
	Forward func(*Forward) (status int, forwarded []Field, err error)
}

// RunForwards sends every request of the table to the build and compares.
func RunForwards(t *testing.T, f Forwarder) {
	t.Helper()
	asked, err := checkForwards(Forwards(), f, func(name string, err error) {
		t.Run(name, func(t *testing.T) {
			if err != nil {
				t.Error(err)
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d requests sent", f.Build, asked)
}

// checkForwards sends each case to the build, and passes the result to report.
func checkForwards(forwards []Forward, f Forwarder, report func(name string, err error)) (asked int, err error) {
	if !slices.Contains(Builds(), f.Build) {
		return 0, fmt.Errorf("%q is no build", f.Build)
	}
	for i := range forwards {
		c := &forwards[i]
		if _, ok := c.Except[f.Build]; ok {
			continue
		}
		asked++
		status, fields, err := f.Forward(c)
		if err == nil {
			err = c.compare(status, fields)
		}
		report(c.Name, err)
	}
	if asked == 0 {
		return 0, errors.New("no request was sent")
	}
	return asked, nil
}

// compare reports how a result differs from the expected one. It ignores the case
// of field names, and the order of fields, in which hosts differ.
func (c *Forward) compare(status int, fields []Field) error {
	got, want := sorted(fields), sorted(c.Forwarded)
	if status == c.Status && slices.Equal(got, want) {
		return nil
	}
	return fmt.Errorf("%s: got %d with %.1000s, want %d with %.1000s", c.Comment, status, fmt.Sprintf("%q", got), c.Status, fmt.Sprintf("%q", want))
}

func sorted(fields []Field) []Field {
	list := slices.Clone(fields)
	for i := range list {
		list[i][0] = strings.ToLower(list[i][0])
	}
	slices.SortFunc(list, func(a, b Field) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return list
}
