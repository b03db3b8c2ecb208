package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server"
	"github.com/concrete-security/auth-service/wasm/host"
)

const (
	entries = 1000
	// block is how many samples are taken under one salt. It is drawn anew for
	// the next, so that where a digest happens to lie in memory, which no
	// caller can know or choose, does not pass for a property of the token.
	block = 1000
)

// tokens are those of the keyring, in the order of its lines.
type tokens struct {
	valid   [entries]string
	expired string
	unknown string
	single  string // has no line
	// These differ from the first valid one in one byte, always in the same way.
	wrongFirst, wrongLast string
}

func newTokens() (t tokens) {
	for i := range t.valid {
		t.valid[i] = rand.Text() + rand.Text()
	}
	t.expired = rand.Text() + rand.Text()
	t.unknown = rand.Text() + rand.Text()
	t.single = rand.Text() + rand.Text()
	t.wrongFirst, t.wrongLast = wrongAt(t.valid[0], 0), wrongAt(t.valid[0], len(t.valid[0])-1)
	return t
}

func (t *tokens) entries() (list []core.Entry) {
	for i, token := range t.valid {
		list = append(list, core.Entry{Principal: fmt.Sprint("p", i), Credential: core.CredentialOf([]byte(token)), Expires: core.Never})
	}
	return append(list, core.Entry{Principal: "expired", Credential: core.CredentialOf([]byte(t.expired)), Expires: 1})
}

func (t *tokens) keyring() *core.Keyring {
	k, err := core.NewKeyring(rand.Reader, []byte(t.single), t.entries())
	if err != nil {
		panic(err) // random tokens do not repeat
	}
	return k
}

func (t *tokens) text() string {
	var text []byte
	for _, e := range t.entries() {
		var err error
		if text, err = e.AppendLine(text); err != nil {
			panic(err) // it is the same each time
		}
		text = append(text, '\n')
	}
	return string(text)
}

// pair is two classes of tokens that should take the same time.
type pair struct {
	name  string
	a, b  func(t *tokens) string
	basic bool            // the token is the password of Basic
	leaks bool            // it is compared in a way that leaks, too
	shown map[string]bool // settings in which nothing is promised of it
	not   string          // setting that has no such thing
}

// value is the Authorization field's value for a token.
func (p *pair) value(token string) string {
	if p.basic {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+token))
	}
	return "Bearer " + token
}

// wrongAt is a token that differs from a valid one in one byte.
func wrongAt(token string, at int) string {
	b := []byte(token)
	for b[at] == token[at] {
		b[at] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[mathrand.IntN(32)]
	}
	return string(b)
}

func pairs() []pair {
	first := func(t *tokens) string { return wrongAt(t.valid[0], 0) }
	last := func(t *tokens) string { return wrongAt(t.valid[0], len(t.valid[0])-1) }
	right := func(t *tokens) string { return t.valid[0] }
	// The same one again and again, as the valid one it is held against is: what
	// was looked up lately is nearer in the processor's caches.
	unknown := func(t *tokens) string { return t.unknown }
	wrongFirst := func(t *tokens) string { return t.wrongFirst }
	wrongLast := func(t *tokens) string { return t.wrongLast }
	// The answers differ, so the time until they are read may too.
	differ := map[string]bool{"server": true, "wasm": true}
	return []pair{
		{name: "one byte: first wrong / last wrong", a: first, b: last},
		{name: "right or not: right / wrong", a: right, b: unknown, shown: differ},
		{name: "the single token: right / wrong", a: func(t *tokens) string { return t.single }, b: unknown, shown: differ, not: "wasm"},
		{name: "expiry: expired / unknown", a: func(t *tokens) string { return t.expired }, b: unknown},
		{
			name: "entry: first / last of 1,000",
			a:    right,
			b:    func(t *tokens) string { return t.valid[entries-1] },
		},
		{name: "Basic, one byte: first wrong / last wrong", basic: true, a: first, b: last},
		{name: "Basic, first byte: right / first wrong", basic: true, a: right, b: wrongFirst, shown: differ},
		{name: "Basic, last byte: right / last wrong", basic: true, a: right, b: wrongLast, shown: differ},
		{name: "leaky: first wrong / last wrong", a: first, b: last, leaks: true},
	}
}

// setting is a way to ask for a verdict.
type setting struct {
	name   string
	tokens tokens
	// renew draws a new salt.
	renew func() error
	// ask takes as long as a verdict on the Authorization field's value.
	ask func(authorization []byte) error
	// askLeaky asks, in the control, somebody who compares with secret as one
	// should not.
	askLeaky func(secret string, authorization []byte) error
	close    func()
}

// measure takes samples of both classes in random order.
func (s *setting) measure(ctx context.Context, p pair, samples int) (measurement, error) {
	var taken [2][]float64
	secret := p.value(s.tokens.valid[0])
	for range (samples + block - 1) / block {
		if err := ctx.Err(); err != nil {
			return measurement{}, err
		}
		if err := s.renew(); err != nil {
			return measurement{}, err
		}
		inputs, classes := make([][]byte, block), make([]int, block)
		for i := range inputs {
			classes[i] = mathrand.IntN(2)
			token := p.a
			if classes[i] == 1 {
				token = p.b
			}
			inputs[i] = []byte(p.value(token(&s.tokens)))
		}
		for i, input := range inputs {
			var err error
			begun := time.Now()
			if p.leaks {
				err = s.askLeaky(secret, input)
			} else {
				err = s.ask(input)
			}
			took := time.Since(begun)
			if err != nil {
				return measurement{}, err
			}
			if i >= block/10 { // the first ones warm up
				taken[classes[i]] = append(taken[classes[i]], float64(took))
			}
		}
	}
	return compare(taken[0], taken[1]), nil
}

// leakily stops at the first difference. Each byte before it takes the time of
// leak.
func leakily(secret string, input []byte, leak func()) {
	for i := range input {
		if input[i] != secret[i] {
			return
		}
		leak()
	}
}

func nothing() {}

// leakBeside makes the control of a setting that runs in this process: the
// verdict, and beside it a comparison that leaks.
func (s *setting) leakBeside() {
	s.askLeaky = func(secret string, authorization []byte) error {
		leakily(secret, authorization, nothing)
		return s.ask(authorization)
	}
}

// accepted are the schemes in which a token may come.
const accepted = core.Bearer | core.Basic

func coreSetting(context.Context) (*setting, error) {
	s := &setting{name: "core", tokens: newTokens(), close: nothing}
	s.leakBeside()
	var k *core.Keyring
	s.renew = func() error { k = s.tokens.keyring(); return nil }
	now := time.Now().Unix()
	s.ask = func(authorization []byte) error {
		if k.Authorize(&core.Request{Authorization: authorization, AuthorizationCount: 1, Schemes: accepted, Now: now}).Reason == core.Malformed {
			return fmt.Errorf("the verdict is %v", core.Malformed)
		}
		return nil
	}
	return s, nil
}

// serverSetting asks over a connection that is kept.
func serverSetting(ctx context.Context) (*setting, error) {
	s := &setting{name: "server", tokens: newTokens()}
	dir, err := os.MkdirTemp("", "timing")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	s.close = func() { cancel(); running.Wait(); _ = os.RemoveAll(dir) }
	open := func(name string, serve func(net.Listener)) (net.Conn, error) {
		path := filepath.Join(dir, name)
		l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		running.Go(func() { serve(l) })
		c, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = c.Close() })
		return c, nil
	}
	srv := server.New(s.tokens.keyring(), server.Options{Accept: core.Accept{Schemes: accepted}, Logger: slog.New(slog.DiscardHandler)})
	c, err := open("server", func(l net.Listener) { _ = srv.Serve(ctx, l) })
	if err != nil {
		s.close()
		return nil, err
	}
	leaky, err := open("leaky", func(l net.Listener) { serveLeakily(l, "Bearer "+s.tokens.valid[0]) })
	if err != nil {
		s.close()
		return nil, err
	}
	s.renew = func() error { srv.SetKeyring(s.tokens.keyring()); return nil }
	answers, leakyAnswers := bufio.NewReader(c), bufio.NewReader(leaky)
	s.ask = func(authorization []byte) error { return exchange(c, answers, authorization) }
	s.askLeaky = func(_ string, authorization []byte) error { return exchange(leaky, leakyAnswers, authorization) }
	return s, nil
}

// exchange sends a request and reads the answer, which has no body.
func exchange(c io.Writer, answers *bufio.Reader, authorization []byte) error {
	if _, err := fmt.Fprintf(c, "GET /auth HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n", authorization); err != nil {
		return err
	}
	for {
		line, err := answers.ReadSlice('\n')
		if err != nil || len(line) == len("\r\n") {
			return err
		}
	}
}

// serveLeakily is the control's server, on one connection. It takes as long for
// one byte as an interpreter would; less would drown in the noise of a socket, and
// does: see the smallest difference that is caught.
func serveLeakily(l net.Listener, secret string) {
	c, err := l.Accept()
	_ = l.Close()
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	requests := bufio.NewReader(c)
	for {
		line, err := requests.ReadSlice('\n')
		if err != nil {
			return
		}
		if value, found := bytes.CutPrefix(line, []byte("Authorization: ")); found {
			leakily(secret, bytes.TrimSpace(value), func() { sha256.Sum256([]byte(secret)) })
		}
		if len(line) > len("\r\n") {
			continue
		}
		if _, err := io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"); err != nil {
			return
		}
	}
}

func wasmSetting(ctx context.Context) (*setting, error) {
	s := &setting{name: "wasm", tokens: newTokens()}
	s.leakBeside()
	dir, err := os.MkdirTemp("", "timing")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.CommandContext(ctx, "go", "run", "github.com/concrete-security/auth-service/wasm/build", "-o", dir, "reactor")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	module, err := os.ReadFile(filepath.Join(dir, "auth-service-reactor.wasm"))
	if err != nil {
		return nil, err
	}
	v, err := host.Compile(ctx, module, host.Options{Accept: core.Accept{Schemes: accepted}})
	if err != nil {
		return nil, err
	}
	s.close = func() { _ = v.Close(context.WithoutCancel(ctx)) }
	s.renew = func() error { return v.Configure(ctx, []byte(s.tokens.text())) }
	s.ask = func(authorization []byte) error {
		_, err := v.Authorize(ctx, []string{string(authorization)})
		return err
	}
	return s, nil
}
