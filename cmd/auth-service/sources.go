package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"unicode/utf8"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

const (
	maxTokenFile   = 64 << 10
	maxKeyringFile = 512 << 20
)

// sources are where tokens come from. They can be loaded any number of times.
type sources struct {
	sourceSettings
	// environment is a keyring of AUTH_SERVICE_TOKEN alone, or an empty one.
	environment *core.Keyring
	files       []*watched
	reloads     reloads

	failure string // why the latest reload failed
	mayPass bool   // that may pass by itself
}

// newSources salts and wipes the token of the environment, and logs what is
// wrong with it without being an error.
func newSources(s sourceSettings, token []byte, logger *slog.Logger) (*sources, error) {
	defer core.Wipe(token)
	if len(token) > 0 && s.tokenFile != "" {
		return nil, invalid("%s and %s are both set; set one of them", tokenVariable, tokenFileVariable)
	}
	src := &sources{sourceSettings: s, files: watchedFiles(s)}
	if s.minLength < defaultMinLength {
		logger.Warn(fmt.Sprintf("%s is below %d: short tokens can be guessed", minLengthVariable, defaultMinLength), "minimum", s.minLength)
	}
	if len(token) == 0 && s.tokenFile == "" && s.keyring == "" {
		logger.Warn(fmt.Sprintf("%s is not set: every request is refused until it holds at least %d characters", tokenVariable, s.minLength))
	}
	if len(token) > 0 {
		token = src.usable(token, tokenVariable, logger)
	}
	var err error
	disturbed := undisturbed.Run(func() { src.environment, err = core.NewKeyring(rand.Reader, token, nil) })
	return src, errors.Join(disturbed, err)
}

// load reads the files and returns a keyring of all sources. An error names
// the file, and the line where there is one.
func (s *sources) load(logger *slog.Logger) (k *core.Keyring, err error) {
	for _, f := range s.files {
		f.mark()
	}
	disturbed := undisturbed.Run(func() { k, err = s.read(logger) })
	return k, errors.Join(disturbed, err)
}

func (s *sources) read(logger *slog.Logger) (*core.Keyring, error) {
	base := s.environment
	if s.tokenFile != "" {
		token, err := readSecret(s.tokenFile, maxTokenFile)
		defer core.Wipe(token)
		if err != nil {
			return nil, invalid("%s: %w", tokenFileVariable, err)
		}
		token = bytes.TrimSuffix(token, []byte{'\n'})
		if base, err = core.NewKeyring(rand.Reader, s.usable(token, tokenFileVariable, logger), nil); err != nil {
			return nil, err
		}
		defer base.Wipe()
	}
	var entries []core.Entry
	if s.keyring != "" {
		text, err := readSecret(s.keyring, maxKeyringFile)
		defer core.Wipe(text)
		if err != nil {
			return nil, invalid("%s: %w", keyringVariable, err)
		}
		entries, err = core.ParseKeyring(text)
		defer core.WipeEntries(entries)
		var parse *core.ParseError
		if errors.As(err, &parse) {
			return nil, invalid("%s: %s:%d: %s", keyringVariable, s.keyring, parse.Line, parse.Reason)
		}
		if err != nil {
			return nil, err
		}
	}
	return base.WithEntries(rand.Reader, entries)
}

// usable returns token, or nothing if it must not be used; either is logged if
// somebody should know.
func (s *sources) usable(token []byte, name string, logger *slog.Logger) []byte {
	// Characters, not bytes: the minimum has always been counted so.
	if length := utf8.RuneCount(token); length == 0 || length < s.minLength {
		logger.Warn(fmt.Sprintf("%s is too short to be used: it needs at least %d characters", name, max(s.minLength, 1)), "length", length)
		return nil
	}
	if !arrives(token) {
		logger.Warn(name + " can never match: a header cannot carry its control bytes or the whitespace around it")
	}
	return token
}

// arrives reports whether a field value can carry the token.
func arrives(token []byte) bool {
	for _, c := range token {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return len(bytes.Trim(token, " \t")) == len(token)
}

// readSecret reads a file of at most limit bytes into a buffer of its own, and
// leaves no other copy.
func readSecret(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a directory")}
	}
	b, err := readAll(f, limit, int(info.Size()))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return b, nil
}

// readAll reads at most limit bytes, about expected, into one buffer, and
// leaves no copy of them elsewhere.
func readAll(from io.Reader, limit, expected int) ([]byte, error) {
	buffer := make([]byte, min(max(expected, 512), limit)+1)
	length := 0
	for {
		n, err := from.Read(buffer[length:])
		length += n
		switch {
		case errors.Is(err, io.EOF) && length <= limit:
			return buffer[:length], nil
		case length > limit:
			err = fmt.Errorf("is larger than %d bytes", limit)
		}
		if err != nil {
			core.Wipe(buffer)
			return nil, err
		}
		if length == len(buffer) {
			larger := make([]byte, min(2*len(buffer), limit+1))
			copy(larger, buffer)
			core.Wipe(buffer)
			buffer = larger
		}
	}
}

// describe logs what was loaded.
func describe(logger *slog.Logger, message string, k *core.Keyring) {
	logger.LogAttrs(context.Background(), slog.LevelInfo, message,
		slog.Int("tokens", k.Tokens()), slog.Int("principals", len(k.Principals())))
}
