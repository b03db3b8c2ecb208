package server

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// TestDate: the field follows the clock, also if that goes back.
func TestDate(t *testing.T) {
	t.Parallel()
	var r responses
	for _, c := range []struct {
		second int64
		want   string
	}{
		{0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
		{0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
		{1_800_000_000, "Date: Fri, 15 Jan 2027 08:00:00 GMT\r\n"},
		{1_799_999_999, "Date: Fri, 15 Jan 2027 07:59:59 GMT\r\n"},
	} {
		if r.setTime(time.Unix(c.second, 999_999_999)); string(r.date) != c.want {
			t.Errorf("%d: %q, want %q", c.second, r.date, c.want)
		}
	}
}

// TestRoomForScopes: a buffer that is too small for the scopes is not left behind
// with some of them.
func TestRoomForScopes(t *testing.T) {
	t.Parallel()
	for name, required := range map[string][]byte{
		"one scope": []byte("deploy"), "many scopes": []byte(strings.Repeat("deploy ", 1000) + "deploy"),
	} {
		need := responseRoom + len(required)
		for room, grows := range map[int]bool{0: true, len(required): true, need - 1: true, need: false, 2 * need: false} {
			before := strings.Repeat("before", 100)
			old := append(make([]byte, 0, len(before)+room), before...)
			r := newResponses(core.Challenges{}, 0)
			r.setTime(time.Unix(0, 0))
			out := r.verdict(old, core.Decision{Reason: core.InsufficientScope}, required, http1.KeepSilently)
			if !bytes.HasPrefix(out, []byte(before+"HTTP/1.1 403 ")) || !bytes.Contains(out, required) {
				t.Fatalf("%s, room for %d bytes: %.700q", name, room, out)
			}
			if grown := &out[0] != &old[0]; grown != grows {
				t.Errorf("%s, room for %d bytes: grown: %v, want %v", name, room, grown, grows)
			}
			if rest := bytes.Trim(old[:cap(old)], "\x00"); grows && len(rest) > 0 {
				t.Errorf("%s, room for %d bytes: %.100q stays in the old buffer", name, room, rest)
			}
		}
	}
}
