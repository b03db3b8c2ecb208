package proxytest

import (
	"fmt"
	"strings"
	"testing"
)

// CheckBytes checks that bytes above 0x7f in a path or a query change no verdict of a
// site whose service has Token. The grammar of URLs has no such bytes, and a proxy may
// refuse them: then refuses is set.
func (s *Site) CheckBytes(tb testing.TB, refuses bool) {
	tb.Helper()
	valid, denied := []int{200}, []int{401}
	if refuses {
		valid, denied = []int{400}, []int{400}
	}
	for _, path := range []string{"/caf\xc3\xa9/\xe6\x97\xa5", "/caf\xe9", "/\x80\xff", "/?q=\xc3\xa9", "/a?\xff"} {
		s.Check(tb, Request{Name: fmt.Sprintf("%+q", path), Path: path, Fields: []string{Bearer(Token)}, Want: valid})
		s.Check(tb, Request{Name: fmt.Sprintf("%+q, missing", path), Path: path, Want: denied})
		s.Check(tb, Request{Name: fmt.Sprintf("%+q, unknown", path), Path: path, Fields: []string{Bearer(Stranger)}, Want: denied})
	}
	s.Check(tb, Request{Name: "encoded", Path: "/caf%C3%A9", Fields: []string{Bearer(Token)}, Want: []int{200}})
}

// CheckPaths checks that what a proxy tells of a path is in the way of no request: not
// when a client encodes bytes that no field may have, and not when the path is long.
func (s *Site) CheckPaths(tb testing.TB, longest int) {
	tb.Helper()
	for _, path := range []string{"/a%0Ab%0D%0Ac", "/%01%1B%7F", "/a%3Fb%20", "/" + strings.Repeat("a", longest-1)} {
		s.Check(tb, Request{Name: fmt.Sprintf("%.20s", path), Path: path, Fields: []string{Bearer(Token)}, Want: []int{200}})
		s.Check(tb, Request{Name: fmt.Sprintf("%.20s, missing", path), Path: path, Want: []int{401}})
	}
}
