package admin

import (
	"bytes"
	"compress/gzip"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/admin/exposition"
	"github.com/concrete-security/auth-service/internal/admin/wipehttp"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server"
)

// metrics answers with the metrics of the service, of the Go runtime and of the
// process.
func (s *Service) metrics(r wipehttp.Request) wipehttp.Response {
	families := slices.Concat(s.families(), runtimeFamilies(), processFamilies())
	fields := []wipehttp.Field{{Name: "Content-Type", Value: exposition.ContentType}, {Name: "Vary", Value: "Accept-Encoding"}}
	return encoded(r, fields, exposition.Append(nil, families))
}

// encoded answers with a page, compressed if the client takes that.
func encoded(r wipehttp.Request, fields []wipehttp.Field, page []byte) wipehttp.Response {
	if r.Gzip {
		page = compress(page)
		fields = append(slices.Clip(fields), wipehttp.Field{Name: "Content-Encoding", Value: "gzip"})
	}
	return wipehttp.Response{Status: httptext.StatusOK, Fields: fields, Body: page}
}

// compress uses the fastest level, which takes the least memory as well.
func compress(page []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil { // of a level that there is not
		panic(err)
	}
	_, _ = w.Write(page) // to memory
	_ = w.Close()
	return b.Bytes()
}

// families returns the server's figures as metrics. Nothing that a client sends
// becomes a label; principals are those of the keyring.
func (s *Service) families() []exposition.Family {
	const namespace = "auth_service_"
	gauge := func(name, help string, value float64) exposition.Family {
		return exposition.Single(exposition.Gauge, namespace+name, help, value)
	}
	counters := func(name, help, label string, values map[string]uint64) exposition.Family {
		return exposition.By(exposition.Counter, namespace+name, help, label, values)
	}
	stats, reloads := s.Server.Stats(), s.Reloads()
	refused := map[string]uint64{}
	for status, n := range stats.Refused {
		refused[strconv.Itoa(status)] = n
	}
	results := map[string]uint64{"other": stats.Others}
	denials := map[string]uint64{}
	for i, n := range stats.Verdicts {
		reason := core.Reason(i)
		results[resultOf(reason)] += n
		if reason != core.Granted {
			denials[reason.String()] = n
		}
	}
	families := []exposition.Family{
		counters("requests_total", "Requests answered: granted (200), denied (401), forbidden (403), unconfigured (500), other (health probes and refused requests).", "result", results),
		counters("refused_requests_total", "Requests refused without a verdict, by status: 404 is a path or a query that does not exist.", "status", refused),
		counters("denials_total", "Authorization requests not granted, by reason.", "reason", denials),
		histogram(namespace+"verdict_duration_seconds", "Time from a parsed request to its verdict.", stats.Durations),
		gauge("connections", "Open connections.", float64(stats.Connections)),
		gauge("incomplete_request_bytes", "Memory that incomplete requests and unread responses take.", float64(stats.Held)),
		gauge("tokens", "Tokens loaded, expired ones included.", float64(stats.Tokens)),
		gauge("tokens_usable", "Tokens that have not expired.", float64(stats.Unexpired)),
		gauge("usable", "1 if some token can pass, 0 if there is none or all have expired.", oneIf(stats.Usable)),
		exposition.By(exposition.Gauge, namespace+"token_expiry_timestamp_seconds", "When the principal's next token expires, or its last one has. "+inSum, "principal", stats.Expiries),
		counters("reloads_total", "Times that the tokens were read again: success or failure.", "result",
			map[string]uint64{"success": reloads.Succeeded, "failure": reloads.Failed}),
		gauge("last_reload_success_timestamp_seconds", "When the tokens in force were read.", unixSeconds(reloads.LastGood)),
		gauge("last_reload_successful", "1 if the latest reading of the tokens succeeded.", oneIf(reloads.LastSucceeded)),
		{Name: namespace + "build_info", Help: "Always 1.", Kind: exposition.Gauge, Samples: []exposition.Sample{
			{Labels: []exposition.Label{{Name: "goversion", Value: runtime.Version()}, {Name: "version", Value: s.Version}}, Value: 1},
		}},
	}
	families = append(families, useFamilies(namespace, stats.Uses)...)
	if !reloads.LastLook.IsZero() {
		families = append(families, gauge("last_look_timestamp_seconds", "When the token file and the keyring were last checked for changes.", unixSeconds(reloads.LastLook)))
	}
	return families
}

// What the labels are of a large keyring.
var (
	byPrincipal = "With more than " + strconv.Itoa(server.MaxTold) + " tokens, by principal alone: key is empty. " + inSum
	inSum       = "With more than " + strconv.Itoa(server.MaxTold) + " principals, for all of them together: principal is empty."
)

// useFamilies returns who used the service, and when. A token that was not used has 0
// in both, so that an alert on unused tokens finds it.
func useFamilies(namespace string, uses []server.Uses) []exposition.Family {
	total := exposition.Family{Name: namespace + "token_uses_total", Kind: exposition.Counter, Help: "Requests granted to a token. " + byPrincipal}
	last := exposition.Family{
		Name: namespace + "token_last_use_timestamp_seconds", Kind: exposition.Gauge,
		Help: "When a request was last granted to a token; 0 if none was since the start. " + byPrincipal,
	}
	for _, u := range uses {
		labels := []exposition.Label{{Name: "key", Value: u.Key}, {Name: "principal", Value: u.Principal}}
		total.Samples = append(total.Samples, exposition.Sample{Labels: labels, Value: float64(u.Count)})
		last.Samples = append(last.Samples, exposition.Sample{Labels: labels, Value: float64(u.Last)})
	}
	return []exposition.Family{total, last}
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

func histogram(name, help string, h server.Histogram) exposition.Family {
	buckets := make([]exposition.Bucket, len(h.Bounds))
	sum := uint64(0)
	for i, n := range h.Counts {
		sum += n
		if i < len(h.Bounds) {
			buckets[i] = exposition.Bucket{Bound: h.Bounds[i].Seconds(), Count: sum}
		}
	}
	return exposition.Distribution(name, help, buckets, h.Sum.Seconds(), sum)
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func oneIf(condition bool) float64 {
	if condition {
		return 1
	}
	return 0
}
