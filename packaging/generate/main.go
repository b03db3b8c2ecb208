// Command generate writes the man pages and the shell completions of auth-service
// from the model of its command line, so that they cannot say anything else.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
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
	if err := generate(*out, *version, at); err != nil {
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

func generate(dir, version string, at time.Time) error {
	program, err := load()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"auth-service.8":                program.manual(version, at),
		"auth-service-keyring.5":        program.keyringPage(version, at),
		"completions/auth-service.bash": program.bash(),
		"completions/auth-service.zsh":  program.zsh(),
		"completions/auth-service.fish": program.fish(),
	}
	for _, page := range []string{"auth-service.8", "auth-service-keyring.5"} {
		if files[page+".gz"], err = compress(files[page]); err != nil {
			return err
		}
	}
	for name, data := range files {
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
