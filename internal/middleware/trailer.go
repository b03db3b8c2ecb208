package middleware

import (
	"errors"
	"io"
	"net/http"

	"github.com/concrete-security/auth-service/internal/identity"
)

// A trailerBody is the body of a request's copy. The server sets the trailer fields of
// the request that it has made itself when it has read all of the body. trailerBody
// then hands them on to the copy, without those that pass for an identity.
type trailerBody struct {
	io.ReadCloser
	from, to *http.Request
}

// Read reads from the body.
func (b *trailerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for name, values := range b.from.Trailer {
			if !identity.IsIdentity(name) {
				b.to.Trailer[name] = values
			}
		}
	}
	return n, err
}
