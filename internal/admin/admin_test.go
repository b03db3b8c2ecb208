package admin

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/tokens"
	"github.com/concrete-security/auth-service/server"
)

func newService(t *testing.T) *Service {
	t.Helper()
	srv := server.New(nil, server.Options{Logger: slog.New(slog.DiscardHandler)})
	draining, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return &Service{
		Server: srv, Draining: draining, Version: "devel",
		Reloads: func() tokens.Reloads { return tokens.Reloads{LastLook: time.Unix(1, 0), LastGood: time.Unix(2, 0)} },
	}
}

// stopped returns a context that is done.
func stopped(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for path, want := range map[string]int{"/": 200, "/metrics": 200, "/health": 200, "/ready": 503} {
		if r := s.answer(wipehttp.Request{Path: path}); r.Status != want || len(r.Body) == 0 {
			t.Errorf("%s: %d %q, want %d", path, r.Status, r.Body, want)
		}
	}
}

func TestCompressed(t *testing.T) {
	t.Parallel()
	r := newService(t).answer(wipehttp.Request{Path: "/metrics", Gzip: true})
	reader, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(reader)
	if err != nil || !strings.Contains(string(page), "\nauth_service_usable 0\n") {
		t.Errorf("%v\n%s", err, page)
	}
}

// TestMetrics: a scraper understands the page, and the Go runtime and the process
// have the metrics that Prometheus' own client gives them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newService(t).answer(wipehttp.Request{Path: "/metrics"})
	parser := expfmt.NewTextParser(model.UTF8Validation)
	got, err := parser.TextToMetricFamilies(bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	wanted, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, want := range wanted {
		name := want.GetName()
		known[name] = true
		f := got[name]
		switch {
		case strings.HasPrefix(name, "process_") && processFamilies() == nil: // not on this system
		case f == nil:
			t.Errorf("%s is missing", name)
		case f.GetType() != want.GetType() || f.GetHelp() == "" || len(f.GetMetric()) != len(want.GetMetric()):
			t.Errorf("%s:\n%v\nwant:\n%v", name, f, want)
		default:
			compare(t, name, f.GetMetric()[0], want.GetMetric()[0])
		}
	}
	for name := range got {
		if !known[name] && !strings.HasPrefix(name, "auth_service_") {
			t.Errorf("%s is new", name)
		}
	}
}

// steady are metrics that have the same value each time.
var steady = []string{
	"go_gc_gogc_percent", "go_gc_gomemlimit_bytes", "go_info", "go_sched_gomaxprocs_threads",
	"process_max_fds", "process_start_time_seconds", "process_virtual_memory_max_bytes",
}

// compare compares what is the same in two looks.
func compare(t *testing.T, name string, got, want *dto.Metric) {
	t.Helper()
	if g, w := got.GetLabel(), want.GetLabel(); len(g) != len(w) || len(g) > 0 && g[0].String() != w[0].String() {
		t.Errorf("%s: %v, want %v", name, g, w)
	}
	if g, w := len(got.GetSummary().GetQuantile()), len(want.GetSummary().GetQuantile()); g != w {
		t.Errorf("%s: %d quantiles, want %d", name, g, w)
	}
	g, w := got.GetGauge().GetValue(), want.GetGauge().GetValue()
	if slices.Contains(steady, name) && math.Abs(g-w) > 0.001 || math.IsNaN(g) || g < 0 {
		t.Errorf("%s: %v, want %v", name, g, w)
	}
}

// TestRuntimeSums: the figures of one page add up.
func TestRuntimeSums(t *testing.T) {
	t.Parallel()
	values := map[string]float64{}
	for _, f := range runtimeFamilies() {
		values[strings.TrimPrefix(f.Name, "go_memstats_")] = f.Samples[0].Value
	}
	for name, sum := range map[string]float64{
		"heap_sys_bytes":   values["heap_idle_bytes"] + values["heap_inuse_bytes"],
		"heap_alloc_bytes": values["alloc_bytes"],
		"heap_objects":     values["mallocs_total"] - values["frees_total"],
	} {
		if values[name] != sum || sum == 0 {
			t.Errorf("%s is %v, want %v", name, values[name], sum)
		}
	}
	for name, part := range map[string]string{
		"sys_bytes": "heap_sys_bytes", "heap_idle_bytes": "heap_released_bytes", "alloc_bytes_total": "alloc_bytes", "stack_sys_bytes": "stack_inuse_bytes",
		"mcache_sys_bytes": "mcache_inuse_bytes", "mspan_sys_bytes": "mspan_inuse_bytes", "next_gc_bytes": "", "other_sys_bytes": "", "gc_sys_bytes": "",
	} {
		if values[name] < values[part] || values[name] == 0 {
			t.Errorf("%s is %v, less than %s, %v", name, values[name], part, values[part])
		}
	}
}
