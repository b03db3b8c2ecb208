package proxytest

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A Trouble makes one of the mistakes in docs/troubleshooting.md.
type Trouble struct {
	// Start runs a site with the mistake. wrong is what the page's row shows as the
	// mistake. It is empty if the row shows, behind "no", what is left out.
	Start func(t *testing.T, wrong string) *Site
	// Right is what the row tells you to write instead.
	Right string
	// Method, Path and Fields are those of the request that goes wrong: by default GET of
	// /some/where with Token.
	Method, Path string
	Fields       []string
	// Question is what the proxy sends the service, for a proxy that may not be
	// installed.
	Question string
	// Then is what else the row promises.
	Then func(t *testing.T, site *Site)
}

// A troubleRow is a row of the page.
type troubleRow struct{ gets, mistake, log, fix string }

var codeSpan = regexp.MustCompile("``(.+?)``|`([^`]+)`")

// spans returns the texts of a cell that are written as code.
func spans(cell string) (texts []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		texts = append(texts, strings.TrimSpace(cmp.Or(m[1], m[2])))
	}
	return texts
}

// troubleRows returns the rows below a heading of the page, by the first text of each that
// is written as code in the cell of the mistake.
func troubleRows(tb testing.TB, heading string) map[string]troubleRow {
	tb.Helper()
	page, err := os.ReadFile(filepath.FromSlash("../../docs/troubleshooting.md"))
	if err != nil {
		tb.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## "+heading+"\n")
	if !found {
		tb.Fatalf("the page has no section %s", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]troubleRow{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| a client gets") {
			continue
		}
		if len(cells) != 4 || len(spans(cells[1])) == 0 {
			tb.Errorf("%s: not a row with four cells, the second of which shows the mistake: %s", heading, line)
			continue
		}
		key := spans(cells[1])[0]
		if _, twice := rows[key]; twice {
			tb.Errorf("%s: two rows show %s", heading, key)
		}
		rows[key] = troubleRow{cells[0], cells[1], cells[2], strings.TrimSuffix(cells[3], " |")}
	}
	return rows
}

// CheckTroubles makes the mistakes in a section of docs/troubleshooting.md, one for each
// row, and checks what the row says: the status that a client gets, what the log of the
// service says, or that it says nothing, and behind "the proxy's log:" what the proxy says.
func CheckTroubles(t *testing.T, heading string, troubles map[string]Trouble) {
	t.Helper()
	rows := troubleRows(t, heading)
	for mistake := range troubles {
		if _, ok := rows[mistake]; !ok {
			t.Errorf("the section %s has no row that shows %s", heading, mistake)
		}
	}
	for mistake, row := range rows {
		trouble, ok := troubles[mistake]
		if !ok {
			t.Errorf("no test makes the mistake %s of the section %s", mistake, heading)
			continue
		}
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			if trouble.Right != "" && !slices.Contains(spans(row.fix), trouble.Right) {
				t.Errorf("the row does not tell you to write %s", trouble.Right)
			}
			wrong := mistake
			if strings.HasPrefix(strings.TrimPrefix(row.mistake, "| "), "no `") {
				wrong = ""
			}
			if trouble.Question != "" {
				row.checkQuestion(t, trouble.Question)
			}
			row.check(t, trouble, trouble.Start(t, wrong))
		})
	}
}

// checkQuestion checks what the service answers and writes without the proxy.
func (r troubleRow) checkQuestion(t *testing.T, question string) {
	t.Helper()
	service := WholeService(t)
	Send(t, service.Address, question)
	for _, text := range spans(r.log) {
		service.AwaitLog(t, text)
	}
}

func (r troubleRow) check(t *testing.T, trouble Trouble, site *Site) {
	t.Helper()
	before := len(site.Service.Log.String())
	if site.Address != "" {
		fields := trouble.Fields
		if fields == nil {
			fields = []string{Bearer(Token)}
		}
		request := get(cmp.Or(trouble.Path, "/some/where"), fields...)
		if trouble.Method != "" {
			request = strings.Replace(request, "GET", trouble.Method, 1)
		}
		if !strings.Contains(request, "\r\nConnection:") {
			request = strings.TrimSuffix(request, "\r\n\r\n") + "\r\nConnection: close\r\n\r\n"
		}
		answer := Send(t, site.Address, request)
		if got := strconv.Itoa(answer.Status); !slices.Contains(strings.FieldsFunc(r.gets, func(c rune) bool { return c < '0' || c > '9' }), got) {
			t.Errorf("a client gets %s; the page says %q", got, r.gets)
		}
	}
	own, proxys, _ := strings.Cut(r.log, "the proxy's log:")
	for _, text := range spans(own) {
		site.Service.AwaitLog(t, text)
	}
	if len(spans(own)) == 0 {
		if !strings.HasPrefix(own, "nothing") {
			t.Errorf("the page has no text of the log, and does not say nothing: %q", own)
		}
		if wrote := site.Service.Log.String()[before:]; strings.Contains(wrote, "level=WARN") || strings.Contains(wrote, "level=ERROR") {
			t.Errorf("the page says that the log says nothing; it says %s", wrote)
		}
	}
	for _, text := range spans(proxys) {
		site.Proxy.AwaitLog(t, text)
	}
	if trouble.Then != nil {
		trouble.Then(t, site)
	}
}
