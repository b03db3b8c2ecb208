package http1

import (
	"slices"
	"testing"
)

func TestFields(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: x\r\nX-Key:\r\nx-key: \t a: b \t\r\nLast:c\r\n\r\n"
	var h Head
	if n, f := h.Parse([]byte(head), DefaultLimit); n != len(head) || f != NoFault {
		t.Fatal(n, f)
	}
	var got []string
	for name, value := range Fields([]byte(head)) {
		got = append(got, string(name)+"="+string(value))
	}
	if want := []string{"Host=x", "X-Key=", "x-key=a: b", "Last=c"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for range Fields([]byte(head)) {
		break
	}
}
