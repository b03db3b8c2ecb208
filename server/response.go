package server

import (
	"time"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/httptext"
	"github.com/concrete-security/auth-service/server/internal/http1"
)

// responses appends responses to a buffer. They are prebuilt except for the date,
// the connection option, an identity and the scopes that are required. It belongs to
// one goroutine.
type responses struct {
	date       []byte // the whole field line
	dateSecond int64

	challenges core.Challenges
	schemes    []core.Schemes // that have a challenge, in order
	identity   core.Identity
}

func newResponses(c core.Challenges, i core.Identity) responses {
	return responses{challenges: c, schemes: c.InOrder(), identity: i}
}

// setTime brings the Date field up to date (RFC 9110 §6.6.1).
func (r *responses) setTime(now time.Time) {
	if second := now.Unix(); second != r.dateSecond || r.date == nil {
		r.dateSecond = second
		r.date = append(r.date[:0], "Date: "...)
		r.date = now.UTC().AppendFormat(r.date, httptext.TimeFormat)
		r.date = append(r.date, "\r\n"...)
	}
}

// connectionField is the field line that says what becomes of the connection.
func connectionField(p http1.Persistence) string {
	switch p {
	case http1.KeepAloud:
		return "Connection: keep-alive\r\n"
	case http1.Close:
		return "Connection: close\r\n"
	}
	return ""
}

const (
	noStore  = "Cache-Control: no-store\r\n"
	noBody   = "Content-Length: 0\r\n"
	fieldEnd = "\r\n"
)

// verdict appends the response for a decision. No verdict has a body: nginx
// re-uses the connection of a subrequest only then.
func (r *responses) verdict(dst []byte, d core.Decision, required []byte, c http1.Persistence) []byte {
	switch d.Status() {
	case httptext.StatusOK:
		dst = withRoom(dst, responseRoom+len(d.Scopes))
		dst = r.start(dst, "HTTP/1.1 200 OK\r\n")
		dst = r.appendIdentity(dst, d)
	case httptext.StatusForbidden:
		// This is the only response that echoes what a client may have sent.
		dst = withRoom(dst, responseRoom+len(required))
		dst = r.start(dst, "HTTP/1.1 403 Forbidden\r\n")
		dst = r.appendChallenges(dst, d, required)
	case httptext.StatusInternalServerError:
		dst = r.start(dst, "HTTP/1.1 500 Internal Server Error\r\n")
	default:
		dst = r.start(dst, "HTTP/1.1 401 Unauthorized\r\n")
		dst = r.appendChallenges(dst, d, required)
	}
	dst = append(dst, noStore+noBody...)
	return end(dst, c)
}

// appendIdentity appends the field lines that tell a backend who asks. A value may be
// empty: a token without scopes has none.
func (r *responses) appendIdentity(dst []byte, d core.Decision) []byte {
	dst = append(dst, "X-Auth-Request-User: "...)
	dst = append(dst, d.Principal...)
	dst = append(dst, fieldEnd...)
	if r.identity.Tells(core.IdentityScopes) {
		dst = append(dst, "X-Auth-Request-Scopes: "...)
		dst = append(dst, d.Scopes...)
		dst = append(dst, fieldEnd...)
	}
	if r.identity.Tells(core.IdentityKey) {
		dst = append(dst, "X-Auth-Request-Key: "...)
		dst = d.Key.Append(dst)
		dst = append(dst, fieldEnd...)
	}
	return dst
}

// appendChallenges appends the field lines that say how to authenticate.
func (r *responses) appendChallenges(dst []byte, d core.Decision, required []byte) []byte {
	for _, scheme := range r.schemes {
		const name = "WWW-Authenticate: "
		before := len(dst)
		dst = r.challenges.Append(append(dst, name...), scheme, d, required)
		if len(dst) == before+len(name) { // this scheme has nothing to say
			dst = dst[:before]
			continue
		}
		dst = append(dst, fieldEnd...)
	}
	return dst
}

// responseRoom is more than any response takes, not counting the scopes that it
// names: a principal takes at most 128 bytes, and a realm in two challenges 256.
const responseRoom = 1024

// withRoom returns dst with room for n more bytes. It wipes the old array, which
// append would leave as it is, with what earlier responses echo.
func withRoom(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	larger := make([]byte, len(dst), 2*cap(dst)+n)
	copy(larger, dst)
	clear(dst)
	return larger
}

const healthyBody = "healthy"

func (r *responses) healthy(dst []byte, withBody bool, c http1.Persistence) []byte {
	dst = r.start(dst, "HTTP/1.1 200 OK\r\n")
	dst = append(dst, "Content-Type: text/plain\r\nContent-Length: 7\r\n"...)
	dst = end(dst, c)
	if withBody {
		dst = append(dst, healthyBody...)
	}
	return dst
}

// refusal appends the response to what is not served.
func (r *responses) refusal(dst []byte, what refusal, c http1.Persistence) []byte {
	dst = r.start(dst, what.statusLine)
	dst = append(dst, noBody...)
	return end(dst, c)
}

func (r *responses) start(dst []byte, statusLine string) []byte {
	dst = withRoom(dst, responseRoom)
	dst = append(dst, statusLine...)
	return append(dst, r.date...)
}

func end(dst []byte, c http1.Persistence) []byte {
	dst = append(dst, connectionField(c)...)
	return append(dst, fieldEnd...)
}
