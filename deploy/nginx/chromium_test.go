package nginx_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/internal/needtest"
)

// chromium is a headless browser with one page. It is driven by the DevTools protocol,
// as JSON over two pipes, each message ended by a zero byte. That takes less code here
// than a library for the protocol would bring along.
type chromium struct {
	tb      testing.TB
	in      *os.File
	out     *bufio.Reader
	session string
	last    int
}

// message is a command's result, or an event.
type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// startChromium starts the browser. It stops when the test ends.
func startChromium(tb testing.TB) *chromium {
	tb.Helper()
	program := needtest.Program(tb, "chromium", "chromium-browser", "google-chrome")
	commandIn, in, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, commandOut, err := os.Pipe()
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	dir := tb.TempDir()
	command := exec.CommandContext(ctx, program, "--headless=new", "--remote-debugging-pipe", "--user-data-dir="+dir,
		"--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "about:blank")
	command.Env = append(os.Environ(), "HOME="+dir)
	command.ExtraFiles = []*os.File{commandIn, commandOut}
	command.WaitDelay = time.Second
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	commandIn.Close()
	commandOut.Close()
	c := &chromium{tb: tb, in: in, out: bufio.NewReader(out)}
	tb.Cleanup(func() {
		// If it ends by itself, so do its children, which write into dir.
		_, _ = io.WriteString(in, `{"id":0,"method":"Browser.close"}`+"\x00")
		_, _ = io.Copy(io.Discard, c.out)
		_ = command.Wait()
		cancel()
		in.Close()
		out.Close()
	})
	var target struct {
		TargetID string `json:"targetId"`
	}
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	c.call("Page.enable", nil, nil)
	c.call("Network.enable", nil, nil)
	c.call("Fetch.enable", map[string]any{"handleAuthRequests": true}, nil)
	return c
}

// send sends a command and returns its number.
func (c *chromium) send(method string, parameters any) int {
	c.tb.Helper()
	c.last++
	command := map[string]any{"id": c.last, "method": method}
	if parameters != nil {
		command["params"] = parameters
	}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	text, err := json.Marshal(command)
	if err != nil {
		c.tb.Fatal(err)
	}
	if _, err := c.in.Write(append(text, 0)); err != nil {
		c.tb.Fatal(err)
	}
	return c.last
}

// next returns the next message.
func (c *chromium) next() (m message) {
	c.tb.Helper()
	text, err := c.out.ReadBytes(0)
	if err != nil {
		c.tb.Fatalf("the browser ended: %v", err)
	}
	if err := json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &m); err != nil {
		c.tb.Fatal(err)
	}
	if m.Error != nil {
		c.tb.Fatalf("the browser says: %s", m.Error.Message)
	}
	return m
}

// call sends a command and reads its result. Events before it are dropped.
func (c *chromium) call(method string, parameters, result any) {
	c.tb.Helper()
	id := c.send(method, parameters)
	for m := c.next(); ; m = c.next() {
		if m.ID == id {
			if result != nil {
				c.decode(m.Result, result)
			}
			return
		}
	}
}

func (c *chromium) decode(text json.RawMessage, to any) {
	c.tb.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		c.tb.Fatalf("%v: %s", err, text)
	}
}

// A challenge is what the browser would ask its user about.
type challenge struct{ Scheme, Realm string }

// A visit is what became of a page.
type visit struct {
	asked  []challenge
	status int
	text   string // what a person sees
}

// visit opens a page. Each time the browser asks for a user name and a password, it
// gets the next of the passwords, or no more if there are none left.
func (c *chromium) visit(url string, passwords ...string) (v visit) {
	c.tb.Helper()
	c.send("Page.navigate", map[string]any{"url": url})
	for loaded := false; !loaded; {
		m := c.next()
		var event struct {
			RequestID     string    `json:"requestId"`
			AuthChallenge challenge `json:"authChallenge"`
			Type          string    `json:"type"`
			Response      struct {
				Status int `json:"status"`
			} `json:"response"`
		}
		if m.Method != "" {
			c.decode(m.Params, &event)
		}
		switch m.Method {
		case "Fetch.requestPaused":
			c.send("Fetch.continueRequest", map[string]any{"requestId": event.RequestID})
		case "Fetch.authRequired":
			v.asked = append(v.asked, event.AuthChallenge)
			answer := map[string]any{"response": "CancelAuth"}
			if n := len(v.asked); n <= len(passwords) {
				answer = map[string]any{"response": "ProvideCredentials", "username": "me", "password": passwords[n-1]}
			}
			c.send("Fetch.continueWithAuth", map[string]any{"requestId": event.RequestID, "authChallengeResponse": answer})
		case "Network.responseReceived":
			if event.Type == "Document" {
				v.status = event.Response.Status
			}
		case "Page.loadEventFired":
			loaded = true
		}
	}
	var evaluated struct {
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
	}
	c.call("Runtime.evaluate", map[string]any{"expression": "document.body.innerText"}, &evaluated)
	v.text = evaluated.Result.Value
	return v
}

func (v visit) String() string {
	return fmt.Sprintf("asked %v, status %d: %.200q", v.asked, v.status, v.text)
}
