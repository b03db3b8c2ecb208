package nginx_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
)

// statuses are those that a request gets with the right token, with a wrong one
// and with none.
type statuses [3]int

// check sends these requests at the same time. An answer that does not come
// within proxytest's patience, a third of nginx's own, is an error.
func (want statuses) check(t *testing.T, name, address, path string) {
	t.Helper()
	var got statuses
	var group sync.WaitGroup
	for i, field := range []string{proxytest.Bearer(proxytest.Token), proxytest.Bearer(proxytest.Stranger), "X-Nothing: x"} {
		group.Go(func() {
			answer, err := proxytest.Exchange(address, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n%s\r\n\r\n", path, field))
			if err != nil {
				t.Errorf("%s: no answer: %v", name, err)
				return
			}
			got[i] = answer.Status
		})
	}
	group.Wait()
	if got != want {
		t.Errorf("%s: right token, wrong token, none: %v, want %v", name, got, want)
	}
}

// TestServiceStopped: a service that accepts connections but does not answer must
// not hold up clients, and nobody gets in. One answering instance of two is enough.
// If neither answers, nginx gives up on one after the other. All sites are tested
// at once, since each test takes as long as nginx waits.
func TestServiceStopped(t *testing.T) {
	t.Parallel()
	type stopped struct {
		example
		site *proxytest.Site
		want statuses
	}
	answered, denied := statuses{200, 401, 401}, statuses{500, 500, 500}
	var sites []stopped
	var services []*proxytest.Service
	for _, e := range examples(t) {
		site := e.start(t, proxytest.TokenVariable)
		sites, services = append(sites, stopped{e, site, denied}), append(services, site.Service)
	}
	for name, want := range map[string]statuses{"one instance of two": answered, "both instances": denied} {
		one, other := proxytest.StartService(t, proxytest.TokenVariable), proxytest.StartService(t, proxytest.TokenVariable)
		both := fmt.Sprintf("    server %s;\n    server %s;\n", one.Address, other.Address)
		site := start(t, "recommended.conf", one, "    server 127.0.0.1:8081;\n", both)
		sites, services = append(sites, stopped{example{name: name, path: "/"}, site, want}), append(services, one)
		if want == denied {
			services = append(services, other)
		}
	}
	for _, s := range sites {
		answered.check(t, s.name+", before", s.site.Address, s.path)
	}
	for _, service := range services {
		service.Pause(t)
	}
	var group sync.WaitGroup
	for _, s := range sites {
		group.Go(func() {
			before := s.site.Backend.Requests()
			s.want.check(t, s.name+", stopped", s.site.Address, s.path)
			if reached := s.site.Backend.Requests() - before; reached != 0 && s.want == denied {
				t.Errorf("%s, stopped: %d requests reached the backend", s.name, reached)
			}
		})
	}
	group.Wait()
	for _, service := range services {
		service.Resume(t)
	}
	for _, s := range sites {
		await(t, s.name+" answers again", func() bool {
			return proxytest.Get(t, s.site.Address, s.path, proxytest.Bearer(proxytest.Token)).Status == 200
		})
		answered.check(t, s.name+", afterwards", s.site.Address, s.path)
	}
}

// TestOriginalWaits: with original.conf, a client still waits when clients of the
// other files have their answers.
func TestOriginalWaits(t *testing.T) {
	t.Parallel()
	service := proxytest.StartService(t, proxytest.TokenVariable)
	original, recommended := start(t, "original.conf", service), start(t, "recommended.conf", service)
	service.Pause(t)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		statuses{200, 401, 401}.check(t, "original.conf", original.Address, "/")
	}()
	statuses{500, 500, 500}.check(t, "recommended.conf", recommended.Address, "/")
	select {
	case <-answered:
		t.Error("original.conf answered as well; the page says that it waits")
	default:
	}
	service.Resume(t)
	<-answered
}
