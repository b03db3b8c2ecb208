// Package doctest runs the commands that documents show. It is for tests alone.
package doctest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// A Block is a block of code in a document.
type Block struct {
	// Heading is that of the section, without its number signs.
	Heading string
	// Language is the word behind the fence, such as "sh".
	Language string
	Text     string
}

// Blocks returns the blocks of a document in Markdown.
func Blocks(tb testing.TB, path string) (blocks []Block) {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	heading, indent, open := "", "", false
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimLeft(line, " ")
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && open:
			open = false
		case fence:
			open, indent = true, line[:len(line)-len(trimmed)]
			blocks = append(blocks, Block{Heading: heading, Language: language})
		case open:
			blocks[len(blocks)-1].Text += strings.TrimPrefix(line, indent)
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if len(blocks) == 0 {
		tb.Fatalf("%s has no block", path)
	}
	return blocks
}

// Commands returns the blocks of shell commands below a heading.
func Commands(tb testing.TB, path, heading string) (commands []string) {
	tb.Helper()
	for _, b := range Blocks(tb, path) {
		if b.Heading == heading && b.Language == "sh" {
			commands = append(commands, b.Text)
		}
	}
	if len(commands) == 0 {
		tb.Fatalf("%s has no commands below %q", path, heading)
	}
	return commands
}

// A Shell runs commands in a folder of its own, with auth-service on its path.
type Shell struct {
	// Dir is the folder. Programs may be put into its folder bin.
	Dir string
	// Environment is that of the commands, beside PATH and HOME.
	Environment []string
	// Typed is what somebody types, if there is a terminal.
	Typed string

	terminal bool
}

// Both runs a test once in a script without a terminal, and once in a terminal. What
// is started in the background ends with the commands.
func Both(t *testing.T, f func(t *testing.T, s *Shell)) {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "auth-service"),
		"github.com/concrete-security/auth-service/cmd/auth-service")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, terminal := range map[string]bool{"in a script": false, "in a terminal": true} {
		t.Run(name, func(t *testing.T) {
			s := &Shell{Dir: t.TempDir(), terminal: terminal}
			if err := os.CopyFS(filepath.Join(s.Dir, "bin"), os.DirFS(bin)); err != nil {
				t.Fatal(err)
			}
			f(t, s)
		})
	}
}

// Program adds a program to the path, written in the language of the shell.
func (s *Shell) Program(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, "bin", name), []byte("#!/bin/sh\n"+text), 0o700); err != nil { //nolint:gosec // it is run
		tb.Fatal(err)
	}
}

// Run runs the commands, all in one shell. Each has to succeed. It returns what they
// wrote, without the carriage returns of a terminal.
func (s *Shell) Run(tb testing.TB, commands ...string) (output string) {
	tb.Helper()
	bash := needtest.Program(tb, "bash")
	file := filepath.Join(s.Dir, "bin", "commands.bash")
	end := "trap : TERM; kill 0" // all that is in the process group, which setsid has made
	if s.terminal {
		end = "kill $(jobs -p) 2>/dev/null || :" // the end of the terminal ends the rest
	}
	session := filepath.Join(s.Dir, "bin", "session")
	text := "trap '" + end + "' EXIT\n{ read -r _ _ _ _ _ session _ </proc/$$/stat && echo \"$session\" >" + session + "; } 2>/dev/null || :\n" + strings.Join(commands, "\n")
	defer endSession(session)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	var command *exec.Cmd
	if s.terminal {
		script := needtest.Program(tb, "script")
		command = exec.CommandContext(tb.Context(), script, "--quiet", "--return", "--command", bash+" -eu -o pipefail "+file, os.DevNull)
		command.Stdin = strings.NewReader(s.Typed)
	} else {
		command = exec.CommandContext(tb.Context(), needtest.Program(tb, "setsid"), "--wait", bash, "-eu", "-o", "pipefail", file)
	}
	command.Dir = s.Dir
	command.Env = append(slices.Clone(s.Environment), "HOME="+s.Dir, "PATH="+filepath.Join(s.Dir, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	out = bytes.ReplaceAll(out, []byte("\r"), nil)
	if err != nil {
		tb.Fatalf("%v\n%s\n%s", err, text, out)
	}
	return string(out)
}

// endSession ends what is left of the session whose number is in the file. Something may
// have started it that has ended itself, so that no shell knows of it. Only Linux tells.
func endSession(file string) {
	number, err := os.ReadFile(file)
	if err != nil {
		return
	}
	processes, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return
	}
	for _, path := range processes {
		stat, err := os.ReadFile(path)
		if err != nil { // it has ended
			continue
		}
		_, behind, _ := strings.Cut(string(stat), ") ") // the name of the program may have blanks
		fields := strings.Fields(behind)
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 3 && fields[3] == strings.TrimSpace(string(number)) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
	}
}

// Token matches a token as auth-service makes them.
var Token = regexp.MustCompile(`as_[0-9A-Za-z]{49}`)
