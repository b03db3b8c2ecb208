// Command generate writes the man page and the shell completions of
// auth-service from what its --help says, so that they cannot say otherwise.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

func main() {
	version := flag.String("version", "devel", "version that the man page names")
	seconds := flag.Int64("time", 0, "Unix time that the man page is dated and touched files are set to")
	out := flag.String("out", "packaging/generated", "directory to write to")
	touch := flag.String("touch", "", "directory whose files get that time")
	flag.Parse()
	at := time.Unix(*seconds, 0).UTC()
	if err := generate(context.Background(), *out, *version, at); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
	if *touch == "" {
		return
	}
	// nfpm takes over the times of an apk's scripts, and git sets none.
	if err := setTimes(*touch, at); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context, dir, version string, at time.Time) error {
	program, err := load(ctx)
	if err != nil {
		return err
	}
	manual := program.manual(version, at)
	compressed, err := compress(manual)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{
		"auth-service.8":                manual,
		"auth-service.8.gz":             compressed,
		"completions/auth-service.bash": program.bash(),
		"completions/auth-service.zsh":  program.zsh(),
		"completions/auth-service.fish": program.fish(),
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody to read
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	return nil
}

// load builds auth-service for this machine and asks it for its help.
func load(ctx context.Context) (_ *program, err error) {
	dir, err := os.MkdirTemp("", "generate")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary := filepath.Join(dir, "auth-service.exe") // a name that every system runs
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/concrete-security/auth-service/cmd/auth-service")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building auth-service: %w\n%s", err, out)
	}
	return read(func(arguments ...string) (string, error) {
		help := exec.CommandContext(ctx, binary, append(arguments, "--help")...)
		help.Env = []string{"COLUMNS=10000"} // no line is broken
		out, err := help.Output()
		if err != nil {
			return "", fmt.Errorf("auth-service %v --help: %w", arguments, err)
		}
		return string(out), nil
	})
}

// compress leaves out the name and the time, which differ between builds.
func compress(data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func setTimes(dir string, at time.Time) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return root.Chtimes(path, at, at)
	})
}
