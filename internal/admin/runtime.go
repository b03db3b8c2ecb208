package admin

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/concrete-security/auth-service/internal/admin/exposition"
)

// runtimeMetrics are those that are sums of figures of package runtime/metrics. They
// have the names that Prometheus' own client gave them, when it took most of them
// from runtime.MemStats. Reading MemStats would stop the event loops.
var runtimeMetrics = []struct {
	name string
	kind exposition.Kind
	help string
	sum  []string // of runtime/metrics
}{
	{"gc_gogc_percent", exposition.Gauge, "Heap size target, in percent of what is in use.", []string{"/gc/gogc:percent"}},
	{"gc_gomemlimit_bytes", exposition.Gauge, "Memory limit of the Go runtime.", []string{"/gc/gomemlimit:bytes"}},
	{"goroutines", exposition.Gauge, "Goroutines that exist.", []string{"/sched/goroutines:goroutines"}},
	{"memstats_alloc_bytes", exposition.Gauge, "Bytes of the heap in use.", []string{heapObjects}},
	{"memstats_alloc_bytes_total", exposition.Counter, "Bytes of the heap allocated so far, freed ones included.", []string{"/gc/heap/allocs:bytes"}},
	{"memstats_buck_hash_sys_bytes", exposition.Gauge, "Bytes of the profiling bucket hash table.", []string{"/memory/classes/profiling/buckets:bytes"}},
	{"memstats_frees_total", exposition.Counter, "Objects of the heap freed so far.", []string{"/gc/heap/frees:objects", heapTiny}},
	{"memstats_gc_sys_bytes", exposition.Gauge, "Bytes of the garbage collector's metadata.", []string{"/memory/classes/metadata/other:bytes"}},
	{"memstats_heap_alloc_bytes", exposition.Gauge, "Bytes of the heap in use, the same as go_memstats_alloc_bytes.", []string{heapObjects}},
	{"memstats_heap_idle_bytes", exposition.Gauge, "Bytes of the heap that wait to be used.", []string{heapReleased, heapFree}},
	{"memstats_heap_inuse_bytes", exposition.Gauge, "Bytes of the heap's spans that are in use.", []string{heapObjects, heapUnused}},
	{"memstats_heap_objects", exposition.Gauge, "Objects of the heap.", []string{"/gc/heap/objects:objects"}},
	{"memstats_heap_released_bytes", exposition.Gauge, "Bytes of the heap returned to the system.", []string{heapReleased}},
	{"memstats_heap_sys_bytes", exposition.Gauge, "Bytes of the heap obtained from the system.", []string{heapObjects, heapUnused, heapReleased, heapFree}},
	{"memstats_mallocs_total", exposition.Counter, "Objects of the heap allocated so far.", []string{"/gc/heap/allocs:objects", heapTiny}},
	{"memstats_mcache_inuse_bytes", exposition.Gauge, "Bytes of mcache structures in use.", []string{mcacheInUse}},
	{"memstats_mcache_sys_bytes", exposition.Gauge, "Bytes obtained from the system for mcache structures.", []string{mcacheInUse, "/memory/classes/metadata/mcache/free:bytes"}},
	{"memstats_mspan_inuse_bytes", exposition.Gauge, "Bytes of mspan structures in use.", []string{mspanInUse}},
	{"memstats_mspan_sys_bytes", exposition.Gauge, "Bytes obtained from the system for mspan structures.", []string{mspanInUse, "/memory/classes/metadata/mspan/free:bytes"}},
	{"memstats_next_gc_bytes", exposition.Gauge, "Size of the heap at which the next garbage collection begins.", []string{"/gc/heap/goal:bytes"}},
	{"memstats_other_sys_bytes", exposition.Gauge, "Bytes obtained from the system for anything else.", []string{"/memory/classes/other:bytes"}},
	{"memstats_stack_inuse_bytes", exposition.Gauge, "Bytes of stacks in use.", []string{stacks}},
	{"memstats_stack_sys_bytes", exposition.Gauge, "Bytes obtained from the system for stacks.", []string{stacks, "/memory/classes/os-stacks:bytes"}},
	{"memstats_sys_bytes", exposition.Gauge, "Bytes obtained from the system.", []string{"/memory/classes/total:bytes"}},
	{"sched_gomaxprocs_threads", exposition.Gauge, "Threads that may run Go code at the same time.", []string{"/sched/gomaxprocs:threads"}},
}

const (
	heapFree     = "/memory/classes/heap/free:bytes"
	heapObjects  = "/memory/classes/heap/objects:bytes"
	heapReleased = "/memory/classes/heap/released:bytes"
	heapTiny     = "/gc/heap/tiny/allocs:objects"
	heapUnused   = "/memory/classes/heap/unused:bytes"
	mcacheInUse  = "/memory/classes/metadata/mcache/inuse:bytes"
	mspanInUse   = "/memory/classes/metadata/mspan/inuse:bytes"
	stacks       = "/memory/classes/heap/stacks:bytes"
)

// runtimeFamilies returns the metrics of the Go runtime.
func runtimeFamilies() []exposition.Family {
	var samples []metrics.Sample
	for _, m := range runtimeMetrics {
		for _, name := range m.sum {
			samples = append(samples, metrics.Sample{Name: name})
		}
	}
	metrics.Read(samples)
	var families []exposition.Family
	for _, m := range runtimeMetrics {
		sum := uint64(0)
		for range m.sum {
			if samples[0].Value.Kind() == metrics.KindUint64 {
				sum += samples[0].Value.Uint64()
			}
			samples = samples[1:]
		}
		families = append(families, exposition.Single(m.kind, "go_"+m.name, m.help, float64(sum)))
	}
	threads, _ := runtime.ThreadCreateProfile(nil)
	pauses, last := pauses()
	return append(families, pauses, last,
		exposition.Single(exposition.Gauge, "go_threads", "Threads created so far.", float64(threads)),
		exposition.Family{Name: "go_info", Help: "The version of Go.", Kind: exposition.Gauge, Samples: []exposition.Sample{
			{Labels: []exposition.Label{{Name: "version", Value: runtime.Version()}}, Value: 1},
		}},
	)
}

// pauses returns for how long garbage collections have stopped the program, and when
// the last one was.
func pauses() (durations, last exposition.Family) {
	const quartiles = 4
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, quartiles+1)}
	debug.ReadGCStats(&stats)
	durations = exposition.Family{Name: "go_gc_duration_seconds", Help: "How long garbage collections stop the program.", Kind: exposition.Summary}
	for i, pause := range stats.PauseQuantiles {
		quantile := strconv.FormatFloat(float64(i)/quartiles, 'g', -1, 64)
		durations.Samples = append(durations.Samples, exposition.Sample{
			Labels: []exposition.Label{{Name: "quantile", Value: quantile}}, Value: pause.Seconds(),
		})
	}
	durations.Samples = append(durations.Samples,
		exposition.Sample{Suffix: "_sum", Value: stats.PauseTotal.Seconds()},
		exposition.Sample{Suffix: "_count", Value: float64(stats.NumGC)})
	return durations, exposition.Single(exposition.Gauge, "go_memstats_last_gc_time_seconds",
		"When the last garbage collection ended.", float64(stats.LastGC.UnixNano())/1e9)
}
