package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	distVariable      = "AUTH_SERVICE_DIST"
	reproduceVariable = "AUTH_SERVICE_REPRODUCE"
)

// root is the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// artifact is a line of artifacts.json.
type artifact struct {
	Name         string `json:"name"`
	Path         string `json:"path"`
	Kind         string `json:"type"`
	InternalKind int    `json:"internal_type"`
}

// dist is what goreleaser left.
type dist struct {
	dir       string
	version   string
	artifacts map[string]string // by name, the paths of what is uploaded
	cask      string
}

func openDist(t *testing.T) *dist {
	t.Helper()
	dir := os.Getenv(distVariable)
	if dir == "" {
		t.Skipf("%s names no directory with a release", distVariable)
	}
	return readDist(t, dir)
}

func readDist(t *testing.T, dir string) *dist {
	t.Helper()
	var metadata struct{ Version string }
	readJSON(t, filepath.Join(dir, "metadata.json"), &metadata)
	if metadata.Version == "" {
		t.Fatal("metadata.json has no version")
	}
	var list []artifact
	readJSON(t, filepath.Join(dir, "artifacts.json"), &list)
	d := &dist{dir: dir, version: metadata.Version, artifacts: map[string]string{}}
	for _, a := range list {
		path := filepath.Join(dir, strings.TrimPrefix(filepath.ToSlash(a.Path), "dist/"))
		switch {
		case a.Kind == "Metadata", a.Kind == "Binary" && !strings.Contains(a.Name, d.version):
			// What is packed, but not uploaded as it is.
		case a.Kind == "Homebrew Cask":
			d.cask = path
		default:
			d.artifacts[a.Name] = path
		}
	}
	return d
}

func readJSON(t *testing.T, path string, to any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// path returns where the artifact of the name lies; %s in it is the version.
func (d *dist) path(t *testing.T, name string) string {
	t.Helper()
	name = strings.ReplaceAll(name, "%s", d.version)
	path, found := d.artifacts[name]
	if !found {
		t.Fatalf("there is no %s", name)
	}
	return path
}

func sum(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sumOf(data)
}

func sumOf(data []byte) string {
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// member is a file in an archive.
type member struct {
	mode os.FileMode
	data []byte
}

// members returns the files of a .tar.gz, an .apk or a .zip by name.
func members(t *testing.T, path string) map[string]member {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := readTar
	if strings.HasSuffix(path, ".zip") {
		read = readZip
	}
	files, err := read(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return files
}

func readTar(data []byte) (map[string]member, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	files := map[string]member{}
	for archive := tar.NewReader(compressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		files[header.Name] = member{header.FileInfo().Mode(), content}
	}
}

func readZip(data []byte) (map[string]member, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	files := map[string]member{}
	for _, file := range archive.File {
		r, err := file.Open()
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		files[file.Name] = member{file.Mode(), content}
	}
	return files, nil
}

// binary unpacks the program for this machine and returns its path.
func (d *dist) binary(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		t.Skipf("no archive is known to run on %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	file, found := members(t, d.path(t, "auth-service_%s_linux_"+runtime.GOARCH+".tar.gz"))["auth-service"]
	if !found {
		t.Fatal("the archive has no auth-service")
	}
	path := filepath.Join(t.TempDir(), "auth-service")
	if err := os.WriteFile(path, file.data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
