package keyringfile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/setting"
)

// digits is a credential's 64 digits, of which these are the first.
func digits(first string) string { return first + strings.Repeat("0", 64-len(first)) }

func textOf(t *testing.T, lines ...string) *Text {
	t.Helper()
	text, err := Parse([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestFind: what a name means, or why it may mean more than one thing.
func TestFind(t *testing.T) {
	t.Parallel()
	text := textOf(t,
		"# comment",
		"ci sha256:"+digits("0a1b2c3d4"),
		"ci sha256:"+digits("ffffffff"),
		"",
		"grafana sha256:"+digits("0a1b2c3d5"),
		"ffffffff sha256:"+digits("aaaaaaaa"),
		"bbbbbbbb sha256:"+digits("bbbbbbbb"),
		"abc sha256:"+digits("cccccccc"),
		"sha256:aaaaaaaa sha256:"+digits("dddddddd"),
	)
	for name, want := range map[string][]int{
		"ci":                                {0, 1},
		"grafana":                           {2},
		"CI":                                nil,
		"nobody":                            nil,
		"":                                  nil,
		"0a1b2c3d4":                         {0},
		"0A1B2C3D4":                         {0},
		"sha256:0a1b2c3d5":                  {2},
		"SHA256:" + digits("0A1B2C3D5"):     {2},
		digits("0a1b2c3d4"):                 {0},
		digits("0a1b2c3d4") + "0":           nil,
		digits("0a1b2c3d4")[:63] + "1":      nil,
		"0a1b2c3d6":                         nil,
		"fffffff":                           nil, // a key id has eight digits
		"sha256:ffffffff":                   {1},
		"sha256:fffffff":                    nil,
		"aaaaaaaa":                          {3},
		"bbbbbbbb":                          {4}, // the one token, either way
		"abc":                               {5},
		"sha256:aaaaaaaa":                   {3}, // always a key id
		"sha256:":                           nil,
		"cccccccc" + "x":                    nil,
		"ffffffff" + strings.Repeat("0", 8): {1},
	} {
		m := text.Find("other", name)[1]
		if got, err := text.Unambiguous(&m); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", name, got, err, want)
		}
		if m.Name != name {
			t.Errorf("%s is called %s", name, m.Name)
		}
	}
	for name, c := range map[string]struct {
		want string
		all  []int
	}{
		"0a1b2c3d": {"0a1b2c3d is the key id of ci 0a1b2c3d (line 2), grafana 0a1b2c3d (line 5); write more digits of its credential", []int{0, 2}},
		"ffffffff": {"ffffffff is a principal, and the key id of ci ffffffff (line 3); write sha256:ffffffff for that token, or the key ids of the principal's tokens: sha256:aaaaaaaa", []int{1, 3}},
	} {
		m := text.Find(name)[0]
		got, err := text.Unambiguous(&m)
		if err == nil || err.Error() != c.want || !setting.Lasts(err) || got != nil {
			t.Errorf("%s: %v, %v\nwant %s", name, got, err, c.want)
		}
		if got := m.All(); !slices.Equal(got, c.all) {
			t.Errorf("%s: all are %v, want %v", name, got, c.all)
		}
	}
}

// TestFindSeveral: the same name twice, and many entries in one error.
func TestFindSeveral(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 15 {
		lines = append(lines, fmt.Sprintf("p%d sha256:%s", i, digits(fmt.Sprintf("0a1b2c3d%02d", i))))
	}
	text := textOf(t, lines...)
	found := text.Find("p3", "p3", "0a1b2c3d03", "0a1b2c3d")
	for _, m := range found[:3] {
		if got := m.All(); !slices.Equal(got, []int{3}) {
			t.Errorf("%s: %v", m.Name, got)
		}
	}
	if _, err := text.Unambiguous(&found[3]); err == nil || !strings.Contains(err.Error(), "p9 0a1b2c3d (line 10), and 5 more; ") {
		t.Errorf("%v", err)
	}
}

// TestRemoveAll: it leaves what removing one by one leaves.
func TestRemoveAll(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var lines []string
		count := 0
		for i := range 1 + random.IntN(12) {
			switch random.IntN(3) {
			case 0:
				lines = append(lines, fmt.Sprintf("# comment %d", i))
			case 1:
				lines = append(lines, "\r")
			default:
				lines = append(lines, fmt.Sprintf("p sha256:%s # %d", digits(fmt.Sprintf("%08d1", i)), i))
				count++
			}
		}
		var remove []int
		for i := range count {
			if random.IntN(2) == 0 {
				remove = append(remove, i)
			}
		}
		want, got := textOf(t, lines...), textOf(t, lines...)
		for _, i := range slices.Backward(remove) {
			want.Remove(i)
		}
		all := got.Entries()
		got.RemoveAll(remove)
		for _, e := range all[len(got.Entries()):] {
			if e.Credential != (core.Credential{}) {
				t.Fatalf("%v is not wiped", e)
			}
		}
		if string(got.Bytes()) != string(want.Bytes()) || !slices.Equal(got.at, want.at) || len(got.Entries()) != count-len(remove) {
			t.Fatalf("%q without %v: %q, want %q", lines, remove, got.Bytes(), want.Bytes())
		}
		again, err := Parse(got.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range again.Entries() {
			if e.Credential != got.Entries()[i].Credential || again.Line(i) != got.Line(i) {
				t.Fatalf("%q without %v: entry %d is %v", lines, remove, i, got.Entries()[i])
			}
		}
	}
}
