package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// loadScript gives wrk the token, which so is no argument that other users
// could see, and prints exact figures: wrk's own text is rounded.
const loadScript = `
wrk.headers["Authorization"] = "Bearer " .. os.getenv("` + tokenVariable + `")

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      "result duration=%.0f requests=%.0f p50=%.0f p90=%.0f p99=%.0f p999=%.0f errors=%.0f\n",
      summary.duration, summary.requests, latency:percentile(50), latency:percentile(90),
      latency:percentile(99), latency:percentile(99.9),
      e.status + e.connect + e.read + e.write + e.timeout))
end
`

// load is what wrk has seen. Latencies are in microseconds.
type load struct {
	Duration time.Duration
	Requests int
	P50      float64
	P90      float64
	P99      float64
	P999     float64
	Errors   int
}

// frontConnections are wrk's where a column does not say how many.
const frontConnections = 16

// runLoad asks on so many connections. If processors names some, wrk runs on them
// alone.
func runLoad(ctx context.Context, dir, url string, connections int, duration time.Duration, processors string) (load, error) {
	// Several loads run at a time, and none may read what another is writing.
	script, err := os.CreateTemp(dir, "load-*.lua")
	if err != nil {
		return load{}, err
	}
	defer func() { _ = os.Remove(script.Name()) }()
	_, err = script.WriteString(loadScript)
	if err := errors.Join(err, script.Close()); err != nil {
		return load{}, err
	}
	cmd := commandOn(ctx, processors, "wrk", "-t1", fmt.Sprintf("-c%d", connections), "--latency", "--timeout", "10s",
		fmt.Sprintf("-d%ds", int(duration.Seconds())), "-s", script.Name(), url)
	cmd.Env = append(os.Environ(), tokenVariable+"="+token)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, output.Bytes())
	}
	return parseLoad(output.String())
}

// parseLoad reads the line that loadScript prints among wrk's own.
func parseLoad(output string) (l load, err error) {
	for line := range strings.Lines(output) {
		text, found := strings.CutPrefix(line, "result ")
		if !found {
			continue
		}
		values := make(map[string]float64)
		for field := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(field, "=")
			if values[name], err = strconv.ParseFloat(value, 64); err != nil {
				return l, fmt.Errorf("wrk: %s: %w", name, err)
			}
		}
		for _, name := range []string{"duration", "requests", "p50", "p90", "p99", "p999", "errors"} {
			if _, found := values[name]; !found {
				return l, fmt.Errorf("wrk: no %s in %q", name, line)
			}
		}
		if values["requests"] == 0 {
			return l, errors.New("wrk: not one request was answered")
		}
		return load{
			Duration: time.Duration(values["duration"]) * time.Microsecond,
			Requests: int(values["requests"]),
			P50:      values["p50"], P90: values["p90"], P99: values["p99"], P999: values["p999"],
			Errors: int(values["errors"]),
		}, nil
	}
	return l, fmt.Errorf("wrk: no result in %q", output)
}
