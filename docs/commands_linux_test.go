package docs_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/doctest"
)

// TestKeyringCommands runs the commands of keyring.md, from the first to the last.
func TestKeyringCommands(t *testing.T) {
	t.Parallel()
	var commands []string
	for _, b := range doctest.Blocks(t, "keyring.md") {
		if b.Language == "sh" {
			commands = append(commands, b.Text)
		}
	}
	if len(commands) != 8 {
		t.Fatalf("the page has %d blocks of commands", len(commands))
	}
	last := len(commands) - 1
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		output := s.Run(t, strings.Join(commands[:last], ""), "cp keyring before", commands[last])
		text, err := os.ReadFile(filepath.Join(s.Dir, "before"))
		if err != nil {
			t.Fatal(err)
		}
		entries, err := core.ParseKeyringFile(text)
		if err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, e := range entries {
			left = append(left, e.Principal+" "+strings.Join(e.Scopes, ","))
			if e.Expires == core.Never || e.Created == 0 {
				t.Errorf("%s never expires, or was made nobody knows when", e)
			}
		}
		if !slices.Equal(left, []string{"grafana metrics", "grafana metrics"}) {
			t.Errorf("before all tokens are revoked, there are %q", left)
		}
		if text, err := os.ReadFile(filepath.Join(s.Dir, "keyring")); err != nil || len(text) > 0 {
			t.Errorf("in the end the keyring has %q (%v)", text, err)
		}
		if token := doctest.Token.FindString(output); token != "" || !strings.Contains(output, "granted: grafana ") {
			t.Errorf("the commands print\n%s", output)
		}
	})
}

// TestKeyringJSON: the table of keyring.md names the keys of each command's JSON.
func TestKeyringJSON(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("keyring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| key | of | meaning |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	documented := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		for command := range strings.SplitSeq(cells[1], ", ") {
			for key := range strings.SplitSeq(strings.Trim(cells[0], "| "), ", ") {
				documented[command] = append(documented[command], strings.Trim(key, "`"))
			}
		}
	}
	commands := map[string]string{
		"new":    "auth-service token new -k keyring --principal a --json >new",
		"add":    "echo a-token-that-is-long-enough-0123456789 | auth-service token add -k keyring --principal b --json >add",
		"rotate": "auth-service token rotate -k keyring a --json >rotate",
		"list":   "auth-service token list -k keyring a --json >list",
		"verify": "echo a-token-that-is-long-enough-0123456789 | auth-service token verify -k keyring --json >verify",
	}
	if len(documented) != len(commands) {
		t.Fatalf("the table has the commands %v", documented)
	}
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		s.Run(t, commands["new"], commands["add"], commands["rotate"], commands["list"], commands["verify"])
		for command, want := range documented {
			text, err := os.ReadFile(filepath.Join(s.Dir, command))
			if err != nil {
				t.Fatal(err)
			}
			var object map[string]any
			if command == "list" {
				text, _, _ = bytes.Cut(bytes.TrimPrefix(text, []byte("[")), []byte(",\n{"))
			}
			if err := json.Unmarshal(text, &object); err != nil {
				t.Fatalf("%s prints %s: %v", command, text, err)
			}
			if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("token %s --json has the keys %q, and the page names %q", command, got, want)
			}
		}
	})
}

// commandsRun has every page that shows commands about tokens, and the test that runs
// them.
var commandsRun = map[string]string{
	"README.md":                   "TestREADMECommands in deploy/nginx and in guard",
	"docs/keyring.md":             "TestKeyringCommands",
	"docs/troubleshooting.md":     "TestTroubleshootingCommands in deploy/nginx",
	"deploy/systemd/README.md":    "TestCommands there",
	"deploy/container/README.md":  "TestCommands there",
	"deploy/kubernetes/README.md": "TestCommands there",
}

// TestCommandsAreRun finds the pages that show commands about tokens.
func TestCommandsAreRun(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", "dist", "node_modules"}, entry.Name()) {
			return fs.SkipDir
		}
		if err != nil {
			return err
		}
		if !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !strings.Contains(string(text), "```") {
			return err
		}
		for _, b := range doctest.Blocks(t, filepath.Join(root, name)) {
			if !slices.Contains([]string{"sh", "bash", "shell", "console"}, b.Language) || !strings.Contains(b.Text, " token ") {
				continue
			}
			found[name] = true
			if commandsRun[name] == "" {
				t.Errorf("no test runs the commands of %s:\n%s", name, b.Text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range commandsRun {
		if !found[name] {
			t.Errorf("%s shows no command about tokens any more", name)
		}
	}
}
