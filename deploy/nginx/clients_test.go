package nginx_test

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// An example is a block of code in docs/clients.md.
type clientExample struct {
	heading, language, text string
}

// clientExamples returns the examples on the page.
func clientExamples(t *testing.T) (examples []clientExample) {
	t.Helper()
	heading, language := "", ""
	for line := range strings.Lines(read(t, "../../docs/clients.md")) {
		rest, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && language == "":
			language = strings.TrimSpace(rest)
			examples = append(examples, clientExample{heading, language, ""})
		case fence:
			language = ""
		case language != "":
			examples[len(examples)-1].text += line
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[3:])
		}
	}
	if len(examples) < 15 {
		t.Fatalf("docs/clients.md has %d examples", len(examples))
	}
	return examples
}

// app is what the page calls https://app.example.com: nginx, with Basic and X-API-Key
// accepted, in front of a git repository and of a backend.
type app struct {
	*proxytest.Site
	dir, gocache string // dir has one commit, in repository.git

	mu    sync.Mutex
	users []string // of the requests that reached the backend
}

func startApp(t *testing.T) *app {
	t.Helper()
	a := &app{dir: t.TempDir()}
	git(t, a.dir, "init", "-q", "--bare", "repository.git")
	git(t, a.dir, "init", "-q", "tree")
	git(t, a.dir+"/tree", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-q", "--allow-empty", "-m", "t")
	git(t, a.dir+"/tree", "push", "-q", "../repository.git", "HEAD:refs/heads/master")
	git(t, a.dir+"/repository.git", "update-server-info")
	files := http.FileServer(http.Dir(a.dir))
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.users = append(a.users, r.Header.Get("X-Auth-Request-User"))
		a.mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/repository.git/") {
			files.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(backend.Close)
	more := append(withKey(t), "127.0.0.1:8000", backend.Listener.Addr().String())
	a.Site = start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable), more...)
	return a
}

func git(t *testing.T, dir string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), needtest.Program(t, "git"), arguments...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// here returns a text of the page with the address of a.
func (a *app) here(text string) string {
	host, _, _ := strings.Cut(a.Address, ":")
	return strings.NewReplacer("https://app.example.com", "http://"+a.Address, "machine app.example.com", "machine "+host).Replace(text)
}

// reached returns the users that the backend has seen since it was last called.
func (a *app) reached() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	users := a.users
	a.users = nil
	return users
}

// run runs a program in a folder of its own, with TOKEN and little else in the
// environment. It must succeed if and only if the token is valid, and then reach the
// backend.
func (a *app) run(t *testing.T, home, token string, program ...string) {
	t.Helper()
	a.reached()
	command := exec.CommandContext(t.Context(), program[0], program[1:]...)
	command.Dir = home
	command.Env = []string{
		"HOME=" + home, "TOKEN=" + token, "PATH=" + os.Getenv("PATH"), "GOCACHE=" + a.gocache, "GOTOOLCHAIN=local",
		"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1",
	}
	out, err := command.CombinedOutput()
	users := a.reached()
	valid := token == proxytest.Token
	if valid != (err == nil) || valid != (len(users) > 0) || slices.ContainsFunc(users, func(user string) bool { return user != "default" }) {
		t.Errorf("with the token %s: %v; the backend saw the users %q\n%s", token, err, users, out)
	}
}

// both runs a program with a valid token and with another one, each in a folder that
// has the file.
func (a *app) both(t *testing.T, file, text string, program ...string) {
	t.Helper()
	for _, token := range []string{proxytest.Token, proxytest.Stranger} {
		home := t.TempDir()
		proxytest.WriteFile(t, filepath.Join(home, file), a.here(text))
		a.run(t, home, token, program...)
	}
}

// python returns the program that has a module.
func python(t *testing.T, module string) string {
	t.Helper()
	for _, program := range []string{"python3", "/usr/bin/python3"} {
		out, err := exec.CommandContext(t.Context(), program, "-c", "import sys, "+module+"; print(sys.executable)").Output()
		if err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	needtest.Missing(t, "python3 with the module %s: not installed", module)
	return ""
}

// Each example of docs/clients.md does what the page says, with the programs that it
// is for. Grafana is no package of Debian; its files are read.
func TestClients(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	a.gocache = strings.TrimSpace(string(out))
	for _, e := range clientExamples(t) {
		t.Run(e.heading, func(t *testing.T) { // one by one, as they share the backend
			switch {
			case e.language == "sh":
				for name := range strings.FieldsSeq("curl wget git") {
					if strings.Contains(e.text, name+" ") {
						needtest.Program(t, name)
					}
				}
				a.both(t, "example.sh", e.text, "bash", "-e", "example.sh")
			case e.language == "python":
				a.checkPython(t, e.text)
			case e.language == "go":
				const set = `request.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))`
				for _, line := range []string{set, `request.SetBasicAuth("me", token)`, `request.Header.Set("X-API-Key", token)`} {
					if !strings.Contains(read(t, "../../docs/clients.md"), line) {
						t.Errorf("the page does not say %s", line)
					}
					// The example shows the status. Here it has to succeed or fail with it.
					text := strings.ReplaceAll(e.text, set, strings.ReplaceAll(line, "token", `os.Getenv("TOKEN")`))
					text = strings.ReplaceAll(text, "fmt.Println(response.Status)", "fmt.Println(response.Status)\n\tos.Exit(response.StatusCode / 100 - 2)")
					a.both(t, "main.go", text, "go", "run", "main.go")
				}
			case e.heading == "Prometheus":
				t.Parallel() // it takes five seconds before it begins
				startApp(t).checkPrometheus(t, e.text)
			case e.heading == "Grafana":
				a.checkGrafana(t, e.text)
				a.checkGrafana(t, strings.NewReplacer("httpHeaderName1: Authorization", "httpHeaderName1: X-API-Key", "Bearer $TOKEN", "$TOKEN").Replace(e.text))
			case e.heading == "GitHub Actions":
				if !strings.Contains(e.text, "TOKEN: ${{ secrets.APP_TOKEN }}\n        run: |\n") {
					t.Errorf("the step does not get the token: %s", e.text)
				}
				_, script, _ := strings.Cut(e.text, "run: |\n")
				a.both(t, "step.sh", script, "bash", "-e", "-o", "pipefail", "step.sh")
			default:
				t.Errorf("nobody checks this example: %s", e.text)
			}
		})
	}
}

func (a *app) checkPython(t *testing.T, text string) {
	t.Helper()
	module := "requests"
	if strings.Contains(text, "import httpx") {
		module = "httpx"
	}
	program := python(t, module)
	a.both(t, "example.py", text, program, "example.py")
	const bearer, basic = `headers={"Authorization": "Bearer " + os.environ["TOKEN"]}`, `auth=("me", os.environ["TOKEN"])`
	if strings.Contains(text, bearer) {
		a.both(t, "example.py", strings.ReplaceAll(text, bearer, basic), program, "example.py")
	}
	// What the comment says: without the line, ~/.netrc wins.
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "app.trust_env = False") {
			continue
		}
		for withLine, login := range map[bool]string{true: proxytest.Stranger, false: proxytest.Token} {
			home, example := t.TempDir(), text
			if !withLine {
				example = strings.NewReplacer(line, "", `os.environ["TOKEN"]`, `"x"`).Replace(text)
			}
			proxytest.WriteFile(t, filepath.Join(home, ".netrc"), a.here("machine app.example.com login me password "+login+"\n"))
			proxytest.WriteFile(t, filepath.Join(home, "example.py"), a.here(example))
			a.run(t, home, proxytest.Token, program, "example.py")
		}
	}
}

// checkPrometheus lets Prometheus scrape with an example.
func (a *app) checkPrometheus(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	address := "127.0.0.1:" + proxytest.Port(t)
	token := proxytest.WriteFile(t, filepath.Join(dir, "token"), proxytest.Token)
	text = strings.NewReplacer("/etc/prometheus/app.token", token, "scheme: https", "scheme: http", "app.example.com", a.Address).Replace(text)
	file := proxytest.WriteFile(t, filepath.Join(dir, "prometheus.yml"), "global: { scrape_interval: 100ms, scrape_timeout: 100ms }\n"+text)
	if out, err := exec.CommandContext(t.Context(), needtest.Program(t, "promtool"), "check", "config", file).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	a.reached()
	proxytest.Start(t, address, nil, needtest.Program(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	proxytest.Await(t, "Prometheus to reach the backend", func() bool { return slices.Contains(a.reached(), "default") })
}

// checkGrafana sends the request that the file of a data source leads to.
func (a *app) checkGrafana(t *testing.T, text string) {
	t.Helper()
	option := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:- )?(\w+): (.+)$`).FindAllStringSubmatch(text, -1) {
		option[m[1]] = m[2]
	}
	for token, want := range map[string]int{proxytest.Token: 200, proxytest.Stranger: 401} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.here(option["url"])+"/api/v1/query", nil)
		if err != nil {
			t.Fatal(err)
		}
		value := func(name string) string { return strings.ReplaceAll(option[name], "$TOKEN", token) }
		if option["basicAuth"] == "true" {
			request.SetBasicAuth(option["basicAuthUser"], value("basicAuthPassword"))
		} else {
			request.Header.Set(cmp.Or(option["httpHeaderName1"], "X-Nothing"), value("httpHeaderValue1"))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("status %d, want %d, with %v", response.StatusCode, want, option)
		}
	}
}

// What the page says about logs: nginx's usual format has the user name of Basic, and
// no password.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "access.log")
	more := append(withKey(t), "server {", "server { access_log "+log+" combined;")
	site := start(t, "recommended.conf", proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable), more...)
	for i, field := range []string{
		proxytest.Bearer(proxytest.Token), "X-API-Key: " + proxytest.Token, proxytest.Basic("me", proxytest.Token), proxytest.Basic(proxytest.Token, ""),
	} {
		site.Check(t, proxytest.Request{Name: field, Fields: []string{field}, Want: []int{200}})
		lines := func() []string { return strings.Split(strings.TrimSpace(read(t, log)), "\n") }
		proxytest.Await(t, "the line", func() bool { return len(lines()) == i+1 && lines()[i] != "" })
		last := lines()[i]
		if has := strings.Contains(last, proxytest.Token); has != (i == 3) || i == 2 && !strings.Contains(last, " me ") {
			t.Errorf("%s is logged as %s", field, last)
		}
	}
}

// What the page says about redirects: curl and Go drop Authorization on the way to
// another host, and nothing else.
func TestRedirect(t *testing.T) {
	t.Parallel()
	var got http.Header
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	t.Cleanup(elsewhere.Close)
	_, port, _ := strings.Cut(elsewhere.Listener.Addr().String(), ":")
	here := httptest.NewServer(http.RedirectHandler("http://localhost:"+port, http.StatusFound))
	t.Cleanup(here.Close)
	for name, ask := range map[string]func() error{
		"curl": func() error {
			return exec.CommandContext(t.Context(), needtest.Program(t, "curl"), "-sL", "-4", "-H", "Authorization: Bearer x", "-H", "X-API-Key: x", here.URL).Run()
		},
		"Go": func() error {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, here.URL, nil)
			if err != nil {
				return err
			}
			request.Header.Set("Authorization", "Bearer x")
			request.Header.Set("X-API-Key", "x")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				return err
			}
			return response.Body.Close()
		},
	} {
		got = nil
		if err := ask(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Get("Authorization") != "" || got.Get("X-API-Key") != "x" {
			t.Errorf("%s sends another host %v", name, got)
		}
	}
}
