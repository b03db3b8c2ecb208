package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// TestScripts runs the packages' scripts as each package manager does, with a
// systemctl that writes down what it is asked.
func TestScripts(t *testing.T) {
	const (
		reload  = "daemon-reload"
		restart = "try-restart auth-service.service"
		disable = "--no-reload disable --now auth-service.socket auth-service.service"
	)
	shell := needtest.Program(t, "sh")
	tools := t.TempDir()
	fake := "#!/bin/sh\necho \"$*\" >>\"$SYSTEMCTL_LOG\"\n"
	if err := os.WriteFile(filepath.Join(tools, "systemctl"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		script, arguments string
		other             bool // not the running system, or one without systemd
		want              []string
	}{
		"deb installs":    {script: "postinstall", arguments: "configure ", want: []string{reload, restart}},
		"deb upgrades":    {script: "postinstall", arguments: "configure 1.0.0", want: []string{reload, restart}},
		"rpm installs":    {script: "postinstall", arguments: "1", want: []string{reload, restart}},
		"apk installs":    {script: "postinstall", arguments: "1.2.3-r0", want: []string{reload, restart}},
		"deb removes":     {script: "preremove", arguments: "remove", want: []string{disable}},
		"deb gives way":   {script: "preremove", arguments: "upgrade 1.2.3"},
		"rpm removes":     {script: "preremove", arguments: "0", want: []string{disable}},
		"rpm gives way":   {script: "preremove", arguments: "1"},
		"apk removes":     {script: "preremove", arguments: "1.2.3-r0", want: []string{disable}},
		"deb is gone":     {script: "postremove", arguments: "remove", want: []string{reload}},
		"deb is purged":   {script: "postremove", arguments: "purge", want: []string{reload}},
		"other installs":  {script: "postinstall", arguments: "configure", other: true},
		"other removes":   {script: "preremove", arguments: "remove", other: true},
		"other is purged": {script: "postremove", arguments: "purge", other: true},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(root(t), "packaging", "scripts", c.script+".sh"))
			if err != nil {
				t.Fatal(err)
			}
			run := func(running string, environment ...string) []string {
				log := filepath.Join(t.TempDir(), "log")
				// Where there is such a directory, systemd runs.
				script := strings.ReplaceAll(string(text), "/run/systemd/system", running)
				command := exec.CommandContext(t.Context(), shell, append([]string{"-c", script, "script"}, strings.Fields(c.arguments)...)...)
				command.Env = append([]string{"PATH=" + tools + ":" + os.Getenv("PATH"), "SYSTEMCTL_LOG=" + log}, environment...)
				if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%v\n%s", err, out)
				}
				asked, err := os.ReadFile(log)
				if err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return strings.FieldsFunc(string(asked), func(r rune) bool { return r == '\n' })
			}
			if c.other {
				if got := run(filepath.Join(tools, "none")); len(got) > 0 {
					t.Errorf("without systemd it asks %q", got)
				}
				if got := run(tools, "DPKG_ROOT=/tree"); len(got) > 0 {
					t.Errorf("for another tree it asks %q", got)
				}
				return
			}
			if got := run(tools); !slices.Equal(got, c.want) {
				t.Errorf("it asks %q, want %q", got, c.want)
			}
		})
	}
}
