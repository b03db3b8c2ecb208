// Package docs_test holds what the documents, the workflows and the gate name to
// what is in the repository: tasks, paths in commands, and links.
package docs_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = ".."

// atLeast is how many matches a pattern must have in all. Fewer mean that the
// files are written in another way and that the pattern finds nothing any more.
const atLeast = 20

// tasks returns the names of the tasks in Taskfile.yml.
func tasks(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Taskfile.yml"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\ntasks:\n")
	for _, match := range regexp.MustCompile(`(?m)^  ([a-z][a-z:]*):$`).FindAllStringSubmatch(after, -1) {
		names = append(names, match[1])
	}
	if len(names) < atLeast {
		t.Fatalf("found %d tasks in Taskfile.yml; want at least %d", len(names), atLeast)
	}
	return names
}

// matches calls f for each match of a pattern in the files that have such a suffix.
// The match is that of the pattern's first group.
func matches(t *testing.T, pattern string, suffixes []string, f func(file, match string)) {
	t.Helper()
	compiled := regexp.MustCompile(pattern)
	found := 0
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "dist", "node_modules", "testdata"}, entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		for _, match := range compiled.FindAllStringSubmatch(string(text), -1) {
			found++
			f(name, match[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < atLeast {
		t.Errorf("found %d matches of %s; want at least %d", found, pattern, atLeast)
	}
}

// mustExist fails the test if a path that a file names is not in the repository.
func mustExist(t *testing.T, file, named string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(named))); err != nil {
		t.Errorf("%s names %s, which does not exist", file, named)
	}
}

// commands are the suffixes of the files that name commands of the repository.
func commands() []string { return []string{".md", ".yml", ".yaml", ".tmpl", ".sh", ".ci/run"} }

// A task that a document, a workflow or the gate names must exist. The pattern
// finds commands in code, in workflows, and in steps of the gate.
func TestTasksExist(t *testing.T) {
	known := tasks(t)
	pattern := "(?m)(?:`(?:… )?task |tools/task/go\\.mod task |^step .* task )([a-z][a-z:]*)"
	matches(t, pattern, commands(), func(file, name string) {
		if !slices.Contains(known, name) {
			t.Errorf("%s names the task %s, which Taskfile.yml does not have", file, name)
		}
	})
}

// A package, script or module file that a command names must exist.
func TestPathsExist(t *testing.T) {
	pattern := "(?:go (?:run|test|build|vet|install)[^`\\n#;|]*? |-C |-modfile=)\"?(\\./[a-z][\\w./-]*|[a-z][\\w-]*/[\\w./-]+)"
	matches(t, pattern, commands(), func(file, named string) {
		if strings.HasPrefix(file, "deploy/") {
			return // its commands run on the machine of a user
		}
		mustExist(t, file, strings.TrimRight(strings.TrimSuffix(named, "/..."), "."))
	})
}

// A file that a document links to must exist.
func TestLinksResolve(t *testing.T) {
	matches(t, `\]\(([^)#\s]+)(?:#[^)\s]*)?\)`, []string{".md"}, func(file, target string) {
		if !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
			mustExist(t, file, path.Join(path.Dir(file), target))
		}
	})
}

// Each step of the gate is a task, except the installation of what the tasks need.
// So no step is written twice.
func TestGateCallsTasks(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for line := range strings.Lines(string(text)) {
		if rest, isStep := strings.CutPrefix(line, `step "`); isStep && rest != "packages\" packages\n" {
			steps++
			if _, command, _ := strings.Cut(rest, `" `); !strings.HasPrefix(command, "task ") {
				t.Errorf(".ci/run has a step that calls no task; add one to Taskfile.yml: %s", line)
			}
		}
	}
	if steps < 10 {
		t.Errorf("found %d steps in .ci/run that call tasks; want at least 10", steps)
	}
}

// The pinned release of task must understand each task. Only the gate checks this,
// because it compiles task, which may need the network.
func TestTaskfile(t *testing.T) {
	if os.Getenv("CI") != "true" {
		t.Skip("this test compiles task; set CI=true to run it")
	}
	task := func(args ...string) string {
		c := exec.Command("go", append([]string{"tool", "-modfile=tools/task/go.mod", "task"}, args...)...)
		c.Dir = root
		output, err := c.CombinedOutput()
		if err != nil {
			t.Errorf("task %s: %v\n%s", strings.Join(args, " "), err, output)
		}
		return string(output)
	}
	list := task("--list-all")
	for _, name := range tasks(t) {
		if !strings.Contains(list, "* "+name+": ") {
			t.Errorf("task --list-all does not list %s:\n%s", name, list)
		}
		task("--dry", name)
	}
}

// A test, fuzzer or benchmark that a document names must exist.
func TestNamedTestsExist(t *testing.T) {
	known := map[string]bool{}
	matches(t, `(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`, []string{"_test.go"}, func(_, name string) { known[name] = true })
	matches(t, "`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`", []string{".md"}, func(file, name string) {
		if !known[name] {
			t.Errorf("%s names %s, which does not exist", file, name)
		}
	})
}
