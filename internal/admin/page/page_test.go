package page

import (
	"html"
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	t.Parallel()
	got := string(Append([]byte("> "), `<p class="{{class}}">{{#rows}}[{{name}}{{#tags}}+{{tag}}{{/tags}}{{^tags}}-{{/tags}}]{{/rows}}{{^rows}}none{{/rows}}{{^empty}} {{class}}{{/empty}}</p>`, Data{
		Values: map[string]string{"class": "c"},
		Lists: map[string][]Data{"empty": Set(false), "rows": {
			{Values: map[string]string{"name": "a"}, Lists: map[string][]Data{"tags": {{Values: map[string]string{"tag": "x"}}, {Values: map[string]string{"tag": "y"}}}}},
			{Values: map[string]string{"name": "b"}, Lists: map[string][]Data{"tags": nil}},
		}},
	}))
	if want := `> <p class="c">[a+x+y][b-] c</p>`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(Append(nil, "{{#a}}{{v}}{{/a}}{{^a}}no{{/a}}", Data{Values: map[string]string{"v": "yes"}, Lists: map[string][]Data{"a": Set(true)}})); got != "yes" {
		t.Error(got)
	}
}

// TestEscaped: whatever a value is, it is text.
func TestEscaped(t *testing.T) {
	t.Parallel()
	fill := func(value string) string {
		return string(Append(nil, `{{v}}`, Data{Values: map[string]string{"v": value}}))
	}
	for _, value := range []string{`</td><script>alert(1)</script>`, `" onclick="x`, `' x='`, `&lt;&amp;`, `{{v}}{{#v}}`, "ä€𝄞", ""} {
		got := fill(value)
		if strings.ContainsAny(got, `<>"'`) || html.UnescapeString(got) != value {
			t.Errorf("%q became %q", value, got)
		}
	}
	// Control characters, what turns the direction of a text, and what is not UTF-8.
	if got, want := fill("a\x00b\nc\u202ed\xffe\u2028"), "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWrongTemplates(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{{#a}}", "{{/a}}", "{{#a}}{{/b}}", "{{#a}}{{#b}}{{/a}}{{/b}}", "{{a}}", "{{#b}}{{/b}}", "{{^b}}{{/b}}", "{{}}", "{{a", "{{#row}}{{v}}{{/row}}"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", text)
				}
			}()
			Append(nil, text, Data{Values: map[string]string{"v": ""}, Lists: map[string][]Data{"row": {{Values: map[string]string{}}}}})
		}()
	}
}
