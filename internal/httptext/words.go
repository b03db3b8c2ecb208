package httptext

// Package net/http has all of these too. A program that needs nothing else of it
// starts faster without it, and is half as large.

// TimeFormat is the format of the Date field, for [time.Time.Format] of a time in UTC
// (RFC 9110 §5.6.7).
const TimeFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// The methods that are answered.
const (
	MethodGet  = "GET"
	MethodHead = "HEAD"
)

// The statuses that are answered with.
const (
	StatusOK                          = 200
	StatusBadRequest                  = 400
	StatusUnauthorized                = 401
	StatusForbidden                   = 403
	StatusNotFound                    = 404
	StatusMethodNotAllowed            = 405
	StatusRequestTimeout              = 408
	StatusRequestHeaderFieldsTooLarge = 431
	StatusInternalServerError         = 500
	StatusServiceUnavailable          = 503
	StatusHTTPVersionNotSupported     = 505
)

// HealthcheckURI is the X-Original-URI of a question that auth-service asks itself. A
// proxy never sends it, because a URI of a request begins with a slash or a scheme.
const HealthcheckURI = "auth-service:healthcheck"

// StatusText returns the words for a status, or nothing for one that is not listed
// above.
func StatusText(status int) string {
	switch status {
	case StatusOK:
		return "OK"
	case StatusBadRequest:
		return "Bad Request"
	case StatusUnauthorized:
		return "Unauthorized"
	case StatusForbidden:
		return "Forbidden"
	case StatusNotFound:
		return "Not Found"
	case StatusMethodNotAllowed:
		return "Method Not Allowed"
	case StatusRequestTimeout:
		return "Request Timeout"
	case StatusRequestHeaderFieldsTooLarge:
		return "Request Header Fields Too Large"
	case StatusInternalServerError:
		return "Internal Server Error"
	case StatusServiceUnavailable:
		return "Service Unavailable"
	case StatusHTTPVersionNotSupported:
		return "HTTP Version Not Supported"
	}
	return ""
}
