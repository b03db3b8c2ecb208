package release

import (
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// answers starts the program as it is installed and asks it.
func answers(t *testing.T, program string, arguments ...string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	const token = "made-up-token-of-more-than-32-characters"
	service := exec.CommandContext(t.Context(), program, arguments...)
	service.Env = []string{"HOST=127.0.0.1", "PORT=" + port, "AUTH_SERVICE_TOKEN=" + token}
	service.WaitDelay = 5 * time.Second
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = service.Process.Kill()
		_ = service.Wait()
	})
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
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, err = ask("/health", ""); err == nil {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal(err)
		}
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
