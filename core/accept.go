package core

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Schemes are the auth-schemes in which an Authorization field may carry a token. The
// zero Schemes are [Bearer] alone.
type Schemes uint8

const (
	// Bearer is "Authorization: Bearer TOKEN" (RFC 6750 §2.1).
	Bearer Schemes = 1 << iota
	// Basic is "Authorization: Basic " and base64 of USER:TOKEN (RFC 7617), with any
	// user name. If the password is empty, the user name is the token.
	Basic
	// NoScheme says that an Authorization field carries no token: it is not looked at.
	NoScheme
)

// accept reports whether a token may come in one of the schemes.
func (s Schemes) accept(scheme Schemes) bool { return s&scheme != 0 || s == 0 && scheme == Bearer }

// MaxFields is the largest number of fields that an [Accept] names.
const MaxFields = 4

// An Accept says where a request may carry a token. The zero Accept is the default: an
// Authorization field, as Bearer.
type Accept struct {
	// Schemes are those of the Authorization field.
	Schemes Schemes
	// Fields are the names, in lower case, of fields whose whole value is a token.
	Fields []string
}

// ParseAccept reads a comma list of "bearer", "basic" and "header:NAME", such as
// bearer,header:X-API-Key. The order does not matter. Whitespace around an element is
// ignored. An empty list is an error, and so is an element that occurs twice.
func ParseAccept(list string) (Accept, error) {
	a := Accept{}
	for more := true; more; {
		var element string
		element, list, more = strings.Cut(list, ",")
		element = trimElement(element)
		scheme := schemeOf(element)
		name, isField := strings.CutPrefix(element, "header:")
		name = lower(name)
		switch {
		case scheme != 0 && a.Schemes&scheme != 0, isField && slices.Contains(a.Fields, name):
			return Accept{}, errors.New(shortOr(element, "a place") + " occurs twice; write each place once")
		case scheme != 0:
			a.Schemes |= scheme
		case element == "":
			return Accept{}, errors.New("an element is empty; write a comma list of bearer, basic and header:NAME, such as bearer,header:X-API-Key")
		case !isField:
			return Accept{}, errors.New(shortOr(element, "an element") + " is unknown; write a comma list of bearer, basic and header:NAME, such as bearer,header:X-API-Key")
		default:
			if err := checkFieldName(name); err != nil {
				return Accept{}, err
			}
			a.Fields = append(a.Fields, name)
		}
	}
	if len(a.Fields) > MaxFields {
		return Accept{}, errors.New("more than " + strconv.Itoa(MaxFields) + " fields; name the ones that clients use")
	}
	if a.Schemes == 0 {
		a.Schemes = NoScheme
	}
	return a, nil
}

// trimElement returns an element of a list without whitespace around it. Like lower,
// it has the place of a function of package strings that would make every WebAssembly
// module larger by its tables.
func trimElement(element string) string { return string(trimWhitespace([]byte(element))) }

// lower returns a name in lower case. A letter that is not ASCII stays as it is.
func lower(name string) string {
	b := []byte(name)
	for i, c := range b {
		b[i] = lowerASCII(c)
	}
	return string(b)
}

// withHyphens returns a name with hyphens for underscores, which many programs take for
// the same.
func withHyphens(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

func schemeOf(element string) Schemes {
	switch element {
	case "bearer":
		return Bearer
	case "basic":
		return Basic
	}
	return 0
}

// maxFieldName is the length of the longest field name, in bytes.
const maxFieldName = 64

// notTokens are fields that mean something else to a proxy or to the service, and
// notTokenPrefixes are the beginnings of their names. A log line may show such a field.
var (
	notTokens = []string{
		"connection", "content-length", "content-type", "cookie", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding",
		"upgrade", "via", "forwarded", "x-real-ip", "x-request-id", "x-auth-scope",
	}
	notTokenPrefixes = []string{"x-auth-request-", "x-forwarded-", "x-original-"}
)

func checkFieldName(name string) error {
	switch alike := withHyphens(name); {
	case alike == "authorization" || alike == "proxy-authorization":
		return errors.New("header:" + name + " is no field of its own; write bearer or basic")
	case slices.Contains(notTokens, alike),
		slices.ContainsFunc(notTokenPrefixes, func(p string) bool { return strings.HasPrefix(alike, p) }):
		return errors.New("header:" + name + " has a meaning of its own; choose another field, such as X-API-Key")
	case len(name) == 0 || len(name) > maxFieldName || strings.IndexFunc(name, func(c rune) bool { return !isFieldNameChar(c) }) >= 0:
		return errors.New("header: is not followed by a field's name of 1 to 64 of A-Z a-z 0-9 - _, such as X-API-Key")
	}
	return nil
}

// isFieldNameChar reports whether c may be in a name: a tchar of RFC 9110 §5.6.2
// without those that no field in use has, as proxies drop or change them.
func isFieldNameChar(c rune) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// AddField notes a field line that [Accept.Fields] names: index says which of them it
// is. If the same field occurs twice, the request is denied.
func (r *Request) AddField(index int, value []byte) {
	if bit := uint8(1) << index; r.fields&bit != 0 {
		r.TokenCount += 2
	} else {
		r.fields |= bit
	}
	if len(trimWhitespace(value)) > 0 {
		r.Token = value
		r.TokenCount++
	}
}

// token returns the one token that the request carries, or why there is none. A Basic
// credential is decoded where it is.
func (r *Request) token() (token []byte, reason Reason) {
	if r.TokenCount > 1 || r.AuthorizationCount > 1 && r.Schemes != NoScheme {
		return nil, Malformed
	}
	form := none
	if r.AuthorizationCount == 1 && r.Schemes != NoScheme {
		token, form = r.Schemes.tokenOf(trimWhitespace(r.Authorization))
	}
	if r.TokenCount == 1 {
		return r.tokenBeside(form, token)
	}
	switch form {
	case whole:
		return token, Granted
	case none:
		return nil, Missing
	}
	return nil, Malformed
}

// tokenBeside returns the token of a field, if an Authorization field of this form
// leaves room for it, and otherwise what token does without that field.
func (r *Request) tokenBeside(form form, inAuthorization []byte) (token []byte, reason Reason) {
	token = trimWhitespace(r.Token)
	switch {
	case form == malformed, form == whole && len(token) > 0:
		return nil, Malformed
	case form == whole:
		return inAuthorization, Granted
	case len(token) > 0:
		return token, Granted
	case form == foreign:
		return nil, Malformed
	}
	return nil, Missing
}

// A form is what an Authorization field's value is.
type form int

const (
	none      form = iota // there is none, or it is empty
	foreign               // of a scheme that is not accepted
	malformed             // of an accepted scheme, without a token
	whole
)

// tokenOf returns the token in an Authorization field's value without whitespace
// around it:
//
//	credentials = auth-scheme 1*( SP / HTAB ) token
//
// The auth-scheme is compared without regard to case (RFC 9110 §11.1). The token of
// Bearer is taken as the bytes that it is: RFC 6750 §2.1 limits it to token68, but
// operators configure tokens of every form, and a token that nobody configured matches
// nothing.
func (s Schemes) tokenOf(value []byte) ([]byte, form) {
	if len(value) == 0 {
		return nil, none
	}
	if s.accept(Bearer) {
		if token, ok := credentialsOf(value, "bearer"); ok {
			if len(token) == 0 {
				return nil, malformed
			}
			return token, whole
		}
	}
	if s.accept(Basic) {
		if credentials, ok := credentialsOf(value, "basic"); ok {
			return basicToken(credentials)
		}
	}
	return nil, foreign
}

// credentialsOf returns what follows an auth-scheme, which is a word in lower case, and
// false if the value is of another.
func credentialsOf(value []byte, scheme string) ([]byte, bool) {
	if len(value) < len(scheme) {
		return nil, false
	}
	for i := range len(scheme) {
		if lowerASCII(value[i]) != scheme[i] {
			return nil, false
		}
	}
	rest := value[len(scheme):]
	if len(rest) > 0 && !isWhitespace(rest[0]) {
		return nil, false
	}
	return trimWhitespace(rest), true
}
