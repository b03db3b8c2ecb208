package engine

import (
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/server/internal/enginetest"
)

// BenchmarkStopTheWorld shows how long the program stops everything, as a garbage
// collection does, while the loops sleep without telling the scheduler. The longest
// stop is reported too. See RATIONALE.md.
func BenchmarkStopTheWorld(b *testing.B) {
	var stats runtime.MemStats
	measure := func(b *testing.B) {
		longest := time.Duration(0)
		for b.Loop() {
			begun := time.Now()
			runtime.ReadMemStats(&stats)
			longest = max(longest, time.Since(begun))
		}
		b.ReportMetric(float64(longest.Microseconds()), "longest-µs")
	}
	b.Run("no engine", measure)
	address, stop := start(b, enginetest.Kinds()[0], Options{})
	b.Run("idle", measure)
	c := enginetest.Dial(b, address)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, response)
		for {
			if _, err := io.WriteString(c, ask); err != nil {
				return
			}
			if _, err := io.ReadFull(c, buffer); err != nil {
				return
			}
			time.Sleep(time.Millisecond) // so that the loop sleeps, and not for long
		}
	}()
	b.Run("a message each millisecond", measure)
	_ = c.Close()
	<-done
	stop()
}
