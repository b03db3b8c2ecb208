package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// akasVersion is the release of the crate that is measured. Its own lock pins
// what it is built from.
const akasVersion = "2.4.18"

// buildAkas returns the path of akas. It is built once, into a folder of the
// user's cache: that takes minutes.
func buildAkas(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", absentError{err}
	}
	root := filepath.Join(cache, "auth-service-bench", "akas-"+akasVersion)
	program := filepath.Join(root, "bin", "akas")
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		return "", absentError{err}
	}
	fmt.Fprintf(os.Stderr, "building akas %s into %s: this takes minutes, once\n", akasVersion, root)
	cmd := exec.CommandContext(ctx, "cargo", "install", "--locked", "--version", akasVersion, "--root", root, "akas")
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", absentError{fmt.Errorf("cargo install akas: %w: %s", err, lastLines(output, 3))} // without a network, say
	}
	return program, nil
}

// lastLines returns the last lines of a text, as one.
func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

// startAkas starts akas without a log of requests, and gives it the token's hash.
// It takes keys over HTTP only, from its administrator.
func (b *backend) startAkas(ctx context.Context, dir string) (err error) {
	const administrator = "administrator-of-the-benchmark"
	_, port, err := net.SplitHostPort(b.tcp)
	if err != nil {
		return err
	}
	b.running, err = start(ctx, dir, b.fileName(), []string{"AKAS_ADMIN_KEY=" + administrator},
		b.program, "serve", "--local", "--port", port, "--log-level", "error")
	if err != nil {
		return err
	}
	if err := b.running.ready(ctx, b.tcp); err != nil {
		return err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("file", "keys")
	if err != nil {
		return err
	}
	fmt.Fprintf(file, "%x\n", sha256.Sum256([]byte(token)))
	if err := w.Close(); err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+b.tcp+"/load", &form)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+administrator)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return b.running.failure(fmt.Errorf("/load: status %d: %s", response.StatusCode, text))
	}
	return nil
}
