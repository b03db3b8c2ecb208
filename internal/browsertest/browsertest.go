// Package browsertest drives a browser in tests.
package browsertest

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

// A Browser is Chromium without a screen, with one page. It is driven by the DevTools
// protocol, as JSON over two pipes, each message ended by a zero byte. That takes less
// code here than a library for the protocol would bring along.
type Browser struct {
	tb      testing.TB
	in      *os.File
	out     *bufio.Reader
	session string
	last    int
	// What has happened since the last visit began.
	requests, complaints []string
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

// Start starts a browser. It stops when the test ends. If there is none on this machine,
// the test is skipped, or fails where CI is "true".
func Start(tb testing.TB) *Browser {
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
	c := &Browser{tb: tb, in: in, out: bufio.NewReader(out)}
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
	c.call("Runtime.enable", nil, nil)
	c.call("Log.enable", nil, nil)
	c.call("Fetch.enable", map[string]any{"handleAuthRequests": true}, nil)
	return c
}

// send sends a command and returns its number.
func (c *Browser) send(method string, parameters any) int {
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
func (c *Browser) next() (m message) {
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
	c.note(&m)
	return m
}

// note keeps what a test may ask about.
func (c *Browser) note(m *message) {
	switch m.Method {
	case "Network.requestWillBeSent":
		var event struct {
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
		}
		c.decode(m.Params, &event)
		c.requests = append(c.requests, event.Request.URL)
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
		c.complaints = append(c.complaints, string(m.Params))
	}
}

// call sends a command and reads its result. Events before it are dropped.
func (c *Browser) call(method string, parameters, result any) {
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

func (c *Browser) decode(text json.RawMessage, to any) {
	c.tb.Helper()
	if err := json.Unmarshal(text, to); err != nil {
		c.tb.Fatalf("%v: %s", err, text)
	}
}

// A Challenge is what the browser would ask its user about.
type Challenge struct{ Scheme, Realm string }

// A Visit is what became of a page.
type Visit struct {
	Asked  []Challenge
	Status int
	// Text is what a person sees.
	Text string
	// Requests are the URLs that the browser asked for.
	Requests []string
	// Complaints are what the browser wrote to its console.
	Complaints []string
}

// Visit opens a page. Each time the browser asks for a user name and a password, it
// gets the next of the passwords, or no more if there are none left.
func (c *Browser) Visit(url string, passwords ...string) (v Visit) {
	c.tb.Helper()
	c.requests, c.complaints = nil, nil
	c.send("Page.navigate", map[string]any{"url": url})
	for loaded := false; !loaded; {
		m := c.next()
		var event struct {
			RequestID     string    `json:"requestId"`
			AuthChallenge Challenge `json:"authChallenge"`
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
			v.Asked = append(v.Asked, event.AuthChallenge)
			answer := map[string]any{"response": "CancelAuth"}
			if n := len(v.Asked); n <= len(passwords) {
				answer = map[string]any{"response": "ProvideCredentials", "username": "me", "password": passwords[n-1]}
			}
			c.send("Fetch.continueWithAuth", map[string]any{"requestId": event.RequestID, "authChallengeResponse": answer})
		case "Network.responseReceived":
			if event.Type == "Document" {
				v.Status = event.Response.Status
			}
		case "Page.loadEventFired":
			loaded = true
		}
	}
	c.Evaluate("document.body.innerText", &v.Text)
	v.Requests, v.Complaints = c.requests, c.complaints
	return v
}

// Evaluate runs an expression in the page, whatever the page allows itself, and decodes
// its value, or that of its promise.
func (c *Browser) Evaluate(expression string, result any) {
	c.tb.Helper()
	var evaluated struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		ExceptionDetails json.RawMessage `json:"exceptionDetails"`
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &evaluated)
	if evaluated.ExceptionDetails != nil {
		c.tb.Fatalf("%s", evaluated.ExceptionDetails)
	}
	c.decode(evaluated.Result.Value, result)
}

// Show sets the size of the page in CSS pixels, and whether its user prefers dark colours.
func (c *Browser) Show(width, height int, dark bool) {
	c.tb.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	c.call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Picture returns what the page shows, as PNG.
func (c *Browser) Picture() []byte {
	c.tb.Helper()
	var shot struct {
		Data []byte `json:"data"`
	}
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	return shot.Data
}

// String returns what became of the page, for a message.
func (v Visit) String() string {
	return fmt.Sprintf("asked %v, status %d: %.200q", v.Asked, v.Status, v.Text)
}
