package admin

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

// serviceOf returns a service that has a keyring of so many tokens and principals.
func serviceOf(tb testing.TB, n, principals int) *Service {
	tb.Helper()
	entries := make([]core.Entry, n)
	for i := range entries {
		entries[i] = core.Entry{
			Principal: fmt.Sprintf("%s-%06d", strings.Repeat("p", 100), i%principals), Credential: core.CredentialOf(fmt.Append(nil, i)),
			Scopes: []string{"metrics"}, Expires: time.Now().Add(time.Hour).Unix(),
		}
	}
	k, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		tb.Fatal(err)
	}
	return &Service{
		Server:   server.New(k, server.Options{Measure: true, Logger: slog.New(slog.DiscardHandler)}),
		Draining: tb.Context(), Version: "devel", Reloads: func() tokens.Reloads { return tokens.Reloads{} },
	}
}

func scraped(t *testing.T, s *Service) (map[string]*dto.MetricFamily, int) {
	t.Helper()
	page := s.answer(wipehttp.Request{Path: metricsPath}).Body
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return families, len(page)
}

// TestMetricsAreBounded: neither the page nor the time that it takes grow with the
// keyring.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 600 << 10 // bytes, with the longest names
	for _, keyring := range []struct{ tokens, principals, byToken, byPrincipal int }{
		{10, 5, 10, 5},
		{server.MaxTold, server.MaxTold, server.MaxTold, server.MaxTold},
		{100_000, server.MaxTold, server.MaxTold, server.MaxTold},
		{100_000, 100_000, 1, 1},
	} {
		s := serviceOf(t, keyring.tokens, keyring.principals)
		begun := time.Now()
		families, size := scraped(t, s)
		if took := time.Since(begun); size > most || took > 2*time.Second {
			t.Errorf("%d tokens of %d principals: %d bytes in %v", keyring.tokens, keyring.principals, size, took)
		}
		for name, want := range map[string]int{
			"auth_service_token_uses_total": keyring.byToken, "auth_service_token_last_use_timestamp_seconds": keyring.byToken,
			"auth_service_token_expiry_timestamp_seconds": keyring.byPrincipal,
		} {
			if got := len(families[name].GetMetric()); got != want {
				t.Errorf("%d tokens of %d principals: %s has %d series, want %d", keyring.tokens, keyring.principals, name, got, want)
			}
		}
		if got := families["auth_service_tokens_usable"].GetMetric()[0].GetGauge().GetValue(); got != float64(keyring.tokens) {
			t.Errorf("%v of %d tokens are usable", got, keyring.tokens)
		}
	}
}

// TestMetricsAreDocumented: docs/operations.md has each metric of the service with its
// labels, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(auth_service_[a-z_]+)(?:\\{([a-z_,]+)\\})?` \\|").FindAllStringSubmatch(string(text), -1) {
		labels := strings.Split(row[2], ",")
		slices.Sort(labels)
		documented = append(documented, row[1]+"{"+strings.Join(labels, ",")+"}")
	}
	s := serviceOf(t, 1, 1)
	s.Reloads = newService(t).Reloads
	var shown []string
	families, _ := scraped(t, s)
	for name, family := range families {
		if !strings.HasPrefix(name, "auth_service_") {
			continue
		}
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		shown = append(shown, name+"{"+strings.Join(labels, ",")+"}")
	}
	slices.Sort(documented)
	slices.Sort(shown)
	if !slices.Equal(documented, shown) {
		t.Errorf("documented:\n%s\nshown:\n%s", strings.Join(documented, "\n"), strings.Join(shown, "\n"))
	}
}
