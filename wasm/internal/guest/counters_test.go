package guest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
)

// All counters are there from the configuration on, and each request counts in one.
func TestCounters(t *testing.T) {
	p := newFakeProxy()
	root := p.configure(hosttest.Ordinary())
	other := p.configure(nil)
	const name = "auth_service_requests_total_result="
	want := []string{
		name + "denied_reason=missing", name + "denied_reason=malformed", name + "denied_reason=unknown", name + "denied_reason=expired",
		name + "forbidden_reason=insufficient_scope", name + "unconfigured_reason=unconfigured", name + "granted",
	}
	if !slices.Equal(p.counters, want) {
		t.Errorf("counters %q, want %q", p.counters, want)
	}
	page, err := os.ReadFile("../../../docs/wasm.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range want {
		if !strings.Contains(string(page), "\n| `"+name+"` |") {
			t.Errorf("docs/wasm.md does not list %s", name)
		}
	}
	ask := func(root uint32, times int, fields ...[2]string) {
		for range times {
			p.fields = fields
			if _, err := p.ask(root); err != nil {
				t.Error(err)
			}
		}
	}
	ask(root, 3, right()...)
	ask(root, 2, [2]string{"authorization", "Bearer x"})
	ask(root, 1)
	ask(other, 4)
	if got := fmt.Sprint(p.counts); got != fmt.Sprint(map[string]int{want[6]: 3, want[2]: 2, want[0]: 1, want[5]: 4}) {
		t.Errorf("counted %s", got)
	}
}

// A host that takes no counter decides as any other.
func TestNoCounters(t *testing.T) {
	p := newFakeProxy()
	p.noCounters = true
	root := p.configure(hosttest.Ordinary())
	p.fields = right()
	if status, err := p.ask(root); err != nil || status != 200 || len(p.counts) > 0 {
		t.Errorf("%d, %v, counted %v", status, err, p.counts)
	}
}
