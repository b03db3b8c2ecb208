package admin

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server"
)

// registry returns the metrics of the service and of the process that it is in.
func (s *Service) registry() *prometheus.Registry {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{s},
	)
	return registry
}

// collector turns a server's figures into metrics when it is asked. Nothing
// that a client sends becomes a label; principals are those of the keyring.
type collector struct{ *Service }

func describeMetric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("auth_service_"+name, help, labels, nil)
}

var (
	requestsDesc     = describeMetric("requests_total", "Requests answered: granted (200), denied (401), forbidden (403), unconfigured (500), other (not for a verdict).", "result")
	denialsDesc      = describeMetric("denials_total", "Authorization requests not granted, by reason.", "reason")
	durationDesc     = describeMetric("verdict_duration_seconds", "Time from a parsed request to its verdict.")
	connectionsDesc  = describeMetric("connections", "Open connections.")
	heldDesc         = describeMetric("incomplete_request_bytes", "Memory that incomplete requests and unread responses take.")
	tokensDesc       = describeMetric("tokens", "Tokens loaded, expired ones included.")
	usableDesc       = describeMetric("usable", "1 if some token can pass, 0 if there is none or all have expired.")
	usesDesc         = describeMetric("principal_uses_total", "Requests granted to a principal of the keyring.", "principal")
	expiryDesc       = describeMetric("token_expiry_timestamp_seconds", "When the principal's next token expires, or its last one has.", "principal")
	reloadsDesc      = describeMetric("reloads_total", "Times that the tokens were read again: success or failure.", "result")
	lastReloadDesc   = describeMetric("last_reload_success_timestamp_seconds", "When the tokens in force were read.")
	reloadResultDesc = describeMetric("last_reload_successful", "1 if the latest reading of the tokens succeeded.")
	lastLookDesc     = describeMetric("last_look_timestamp_seconds", "When the token file and the keyring were last checked for changes.")
	buildDesc        = describeMetric("build_info", "Always 1.", "version", "goversion")
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		requestsDesc, denialsDesc, durationDesc, connectionsDesc, heldDesc, tokensDesc, usableDesc,
		usesDesc, expiryDesc, reloadsDesc, lastReloadDesc, reloadResultDesc, lastLookDesc, buildDesc,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	stats := c.Server.Stats()
	results := map[string]uint64{"other": stats.Others}
	for i, n := range stats.Verdicts {
		reason := core.Reason(i)
		results[resultOf(reason)] += n
		if reason != core.Granted {
			counter(denialsDesc, n, reason.String())
		}
	}
	for result, n := range results {
		counter(requestsDesc, n, result)
	}
	to <- histogram(stats.Durations)
	gauge(connectionsDesc, float64(stats.Connections))
	gauge(heldDesc, float64(stats.Held))
	gauge(tokensDesc, float64(stats.Tokens))
	gauge(usableDesc, oneIf(stats.Usable))
	for principal, n := range stats.Uses {
		counter(usesDesc, n, principal)
	}
	for principal, at := range stats.Expiries {
		gauge(expiryDesc, float64(at), principal)
	}
	c.collectReloads(counter, gauge)
	gauge(buildDesc, 1, c.Version, runtime.Version())
}

func (c *collector) collectReloads(counter func(*prometheus.Desc, uint64, ...string), gauge func(*prometheus.Desc, float64, ...string)) {
	r := c.Reloads()
	counter(reloadsDesc, r.Succeeded, "success")
	counter(reloadsDesc, r.Failed, "failure")
	gauge(lastReloadDesc, unixSeconds(r.LastGood))
	gauge(reloadResultDesc, oneIf(r.LastSucceeded))
	if !r.LastLook.IsZero() {
		gauge(lastLookDesc, unixSeconds(r.LastLook))
	}
}

func resultOf(r core.Reason) string {
	switch r {
	case core.Granted:
		return "granted"
	case core.InsufficientScope:
		return "forbidden"
	case core.Unconfigured:
		return "unconfigured"
	default:
		return "denied"
	}
}

func histogram(h server.Histogram) prometheus.Metric {
	cumulative := make(map[float64]uint64, len(h.Bounds))
	sum := uint64(0)
	for i, n := range h.Counts {
		sum += n
		if i < len(h.Bounds) {
			cumulative[h.Bounds[i].Seconds()] = sum
		}
	}
	return prometheus.MustNewConstHistogram(durationDesc, sum, h.Sum.Seconds(), cumulative)
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}
