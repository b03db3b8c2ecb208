package core

// Reason says why a [Decision] is what it is. The zero Reason denies.
type Reason uint8

const (
	// Missing says that the request carries no token in any place that is accepted.
	Missing Reason = iota
	// Malformed says that the request carries more than one token, a field twice, or an
	// Authorization field of another form or scheme than are accepted.
	Malformed
	// Unknown says that no entry has this token.
	Unknown
	// Expired says that the token has expired.
	Expired
	// InsufficientScope says that a valid token is without a scope that is required.
	InsufficientScope
	// Unconfigured says that there is no token to compare with, so nobody can pass.
	Unconfigured
	// Granted is the one Reason that lets a request pass.
	Granted

	// Reasons is the number of distinct Reasons, for tables indexed by one.
	Reasons = int(Granted) + 1
)

// String gives the word that logs and metrics use.
func (r Reason) String() string {
	switch r {
	case Missing:
		return "missing"
	case Malformed:
		return "malformed"
	case Unknown:
		return "unknown"
	case Expired:
		return "expired"
	case InsufficientScope:
		return "insufficient_scope"
	case Unconfigured:
		return "unconfigured"
	case Granted:
		return "granted"
	}
	return "invalid"
}

// Status is the HTTP status code that answers a request decided for this
// reason: 200, 401, 403 or 500.
func (r Reason) Status() int {
	switch r {
	case Granted:
		return 200
	case InsufficientScope:
		return 403
	case Unconfigured:
		return 500
	default:
		return 401
	}
}

// A Decision is the verdict on one request. Its zero value denies.
type Decision struct {
	// Reason is Granted or why not.
	Reason Reason
	// Principal names the owner of the token where it is known: when Granted,
	// Expired or InsufficientScope. It is 1 to 128 of A-Z a-z 0-9 . _ - @ + : / and
	// begins with a letter or a digit.
	Principal string
	// Scopes are those that the token has, separated by spaces, or "*" if it has any,
	// where Principal is known.
	Scopes string
	// Key is the key id of the token, where Principal is known.
	Key KeyID
	// Owner is the index of the principal in [Keyring.Principals], so that a caller
	// can count uses in an array. It means nothing if Principal is empty.
	Owner int
	// Token is the index of the token in the keyring: see [Keyring.Token]. It means
	// nothing if Principal is empty.
	Token int
}

// Granted reports whether the request may pass.
func (d Decision) Granted() bool { return d.Reason == Granted }

// Status is the HTTP status code for the decision: 200, 401, 403 or 500.
func (d Decision) Status() int { return d.Reason.Status() }
