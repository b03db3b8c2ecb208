// Package prometheus_test holds the alert rules and the dashboard to what the
// service's admin listener really shows.
package prometheus_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/needtest"
	"github.com/concrete-security/auth-service/internal/tokentest"
)

func TestMain(m *testing.M) { os.Exit(proxytest.Main(m)) }

func promtool(t *testing.T, input string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), needtest.Program(t, "promtool"), arguments...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	promtool(t, "", "check", "config", "prometheus.yaml") // rules.yaml with it
	promtool(t, "", "test", "rules", "rules_test.yaml", "unused_test.yaml")
}

// scrape returns what the admin listener of a service shows that has been used.
func scrape(t *testing.T) string {
	t.Helper()
	keyring := proxytest.WriteFile(t, t.TempDir()+"/keyring", tokentest.KeyringLine("ci", proxytest.Deploy, "expires=2099-01-01T00:00:00Z"))
	admin := "127.0.0.1:" + proxytest.Port(t)
	service := proxytest.StartService(t, proxytest.TokenVariable, "AUTH_SERVICE_KEYRING="+keyring, "ADMIN_LISTEN=tcp://"+admin)
	for token, want := range map[string]int{proxytest.Token: 200, proxytest.Deploy: 200, proxytest.Stranger: 401} {
		if got := proxytest.Get(t, service.Address, "/auth", proxytest.Bearer(token)).Status; got != want {
			t.Fatalf("status %d, want %d", got, want)
		}
	}
	response, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return string(text)
}

// shown is the labels of each metric.
func shown(t *testing.T, text string) map[string][]string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	metrics := map[string][]string{"up": nil}
	for name, family := range families {
		labels := []string{"instance", "job"} // Prometheus adds them
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		if family.GetMetric()[0].GetHistogram() != nil {
			name, labels = name+"_bucket", append(labels, "le")
		}
		metrics[name] = labels
	}
	return metrics
}

var (
	selectors = regexp.MustCompile(`\b((?:auth_service|process)_\w+)(?:\{([^}]*)\})?`)
	matchers  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	grouped   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	beginning = regexp.MustCompile(`- (?:alert|record):`)
	legend    = regexp.MustCompile(`\{\{ ?(?:\$labels\.)?(\w+) ?\}\}`)
)

// missing is what an expression and its legend use of metrics and labels that
// are not shown.
func missing(metrics map[string][]string, expression, texts string) (faults []string) {
	var available []string
	found := selectors.FindAllStringSubmatch(expression, -1)
	for _, s := range found {
		labels, ok := metrics[s[1]]
		if !ok {
			faults = append(faults, s[1])
		}
		for _, m := range matchers.FindAllStringSubmatch(s[2], -1) {
			if !slices.Contains(labels, m[1]) {
				faults = append(faults, s[1]+"{"+m[1]+"}")
			}
		}
		available = append(available, labels...)
	}
	var used []string
	for _, g := range grouped.FindAllStringSubmatch(expression, -1) {
		used = append(used, strings.Split(strings.ReplaceAll(g[1], " ", ""), ",")...)
	}
	for _, l := range legend.FindAllStringSubmatch(texts, -1) {
		used = append(used, l[1])
	}
	for _, label := range used {
		if len(found) > 0 && !slices.Contains(available, label) {
			faults = append(faults, "label "+label)
		}
	}
	return faults
}

func TestMetricsExist(t *testing.T) {
	t.Parallel()
	text := scrape(t)
	promtool(t, text, "check", "metrics")
	metrics := shown(t, text)

	rules, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range beginning.Split(string(rules), -1) {
		_, expression, found := strings.Cut(rule, "expr:")
		if !found {
			continue
		}
		expression, texts, _ := strings.Cut(expression, "labels:")
		if faults := missing(metrics, expression, texts); len(faults) > 0 {
			t.Errorf("rules.yaml: %s: there is no %v", strings.Fields(rule)[0], faults)
		}
	}

	used, texts := 0, ""
	for _, panel := range panels(t) {
		for _, target := range panel.Targets {
			texts += target.Expr + "\n"
			used += len(selectors.FindAllString(target.Expr, -1))
			if faults := missing(metrics, target.Expr, target.LegendFormat); len(faults) > 0 {
				t.Errorf("dashboard.json: %s: there is no %v", panel.Title, faults)
			}
		}
	}
	if used < 12 {
		t.Errorf("the dashboard uses %d metrics", used)
	}
	for name := range metrics {
		if strings.HasPrefix(name, "auth_service_") && !strings.Contains(texts+string(rules), name) &&
			name != "auth_service_last_reload_success_timestamp_seconds" {
			t.Errorf("neither a rule nor the dashboard uses %s", name)
		}
	}
}

// TestMissing: what is not shown is found.
func TestMissing(t *testing.T) {
	t.Parallel()
	metrics := map[string][]string{"auth_service_requests_total": {"result"}}
	for expression, want := range map[string]bool{
		`rate(auth_service_requests_total{result="denied"}[5m])`:       false,
		`sum by (result) (rate(auth_service_requests_total[5m]))`:      false,
		`auth_service_request_total`:                                   true,
		`auth_service_requests_total{reason="denied"}`:                 true,
		`sum by (principal) (rate(auth_service_requests_total[5m]))`:   true,
		`auth_service_requests_total > 1 and auth_service_usable == 0`: true,
	} {
		if faults := missing(metrics, expression, ""); (len(faults) > 0) != want {
			t.Errorf("%s: %v", expression, faults)
		}
	}
	if faults := missing(metrics, "auth_service_requests_total", "{{principal}}"); len(faults) != 1 {
		t.Errorf("a legend: %v", faults)
	}
}

// A token that comes as Basic or in a field is counted like one that comes as Bearer.
func TestDenialsByReason(t *testing.T) {
	t.Parallel()
	admin := "127.0.0.1:" + proxytest.Port(t)
	service := proxytest.StartService(t, proxytest.TokenVariable, proxytest.AcceptVariable, "ADMIN_LISTEN=tcp://"+admin)
	for _, field := range []string{
		proxytest.Bearer(proxytest.Stranger), proxytest.Basic("me", proxytest.Stranger), "X-API-Key: " + proxytest.Stranger,
		"Authorization: Basic x", "Authorization: Digest x",
		"X-Nothing: x",
	} {
		if got := proxytest.Get(t, service.Address, "/auth", field).Status; got != http.StatusUnauthorized {
			t.Errorf("%s: status %d", field, got)
		}
	}
	text := string(proxytest.Get(t, admin, "/metrics").Body)
	for reason, want := range map[string]string{"unknown": "3", "malformed": "2", "missing": "1", "expired": "0"} {
		if line := `auth_service_denials_total{reason="` + reason + `"} ` + want + "\n"; !strings.Contains(text, line) {
			t.Errorf("no %s in %s", line, text)
		}
	}
}
