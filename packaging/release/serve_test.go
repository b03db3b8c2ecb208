package release

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// answers starts the program as it is installed and asks it.
func answers(t *testing.T, program string, arguments ...string) {
	t.Helper()
	const token = "made-up-token-of-more-than-32-characters"
	service := exec.CommandContext(t.Context(), program, arguments...)
	service.Env = []string{"HOST=127.0.0.1", "PORT=0", "AUTH_SERVICE_TOKEN=" + token}
	service.WaitDelay = 5 * time.Second
	log, err := service.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = service.Process.Kill()
		_ = service.Wait()
	})
	address := listening(t, log)
	ask := func(path, authorization string) (int, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return 0, err
		}
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	for _, c := range []struct {
		path, authorization string
		want                int
	}{
		{"/health", "", http.StatusOK},
		{"/auth", "", http.StatusUnauthorized},
		{"/auth", "Bearer wrong", http.StatusUnauthorized},
		{"/auth", "Bearer " + token, http.StatusOK},
	} {
		if got, err := ask(c.path, c.authorization); err != nil || got != c.want {
			t.Errorf("%s: status %d, want %d (%v)", c.path, got, c.want, err)
		}
	}
}

// listening reads where the program says that it listens, and the rest of what
// it says in the background.
func listening(t *testing.T, log io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(log)
	var said strings.Builder
	for lines.Scan() {
		if _, place, ok := strings.Cut(lines.Text(), "msg=started listen=tcp://"); ok {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			address, _, _ := strings.Cut(place, " ")
			return address
		}
		fmt.Fprintln(&said, lines.Text())
	}
	t.Fatalf("it does not say that it has started: %s", said.String())
	return ""
}
