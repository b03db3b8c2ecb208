package http1

import (
	"bytes"
	"iter"

	"github.com/concrete-security/auth-service/internal/httptext"
)

// Fields yields the name and the value of each field line of a head that [Head.Parse]
// has found complete. The values have no whitespace around them.
func Fields(head []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		_, lines, _ := bytes.Cut(head, []byte("\r\n")) // behind the request line
		for len(lines) > 0 {
			var line []byte
			line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
			name, value, found := bytes.Cut(line, []byte{':'})
			if found && !yield(name, httptext.Trim(value)) {
				return
			}
		}
	}
}
