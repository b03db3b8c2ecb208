package core

import "bytes"

// basicToken decodes the credentials of Basic (RFC 7617 §2) where they are, and returns
// the token among them: the password, or the user name if the password is empty.
//
// The first colon ends the user name, so a password may have colons. Where it stands
// shows in the time that this takes, and so do the lengths. The bytes of the token do
// not.
func basicToken(credentials []byte) ([]byte, form) {
	decoded, ok := decodeBase64(credentials)
	if !ok {
		return nil, malformed
	}
	user, password, ok := bytes.Cut(decoded, []byte{':'})
	switch {
	case !ok, len(user)+len(password) == 0:
		return nil, malformed
	case len(password) == 0:
		return user, whole
	}
	return password, whole
}

// decodeBase64 decodes b where it is, and returns the part of it that the result takes.
// It accepts the encoding of RFC 4648 §4 alone: with padding, without line ends, and
// with bits of zero behind the last byte. Its time depends on the length, on the
// padding, and on whether it is valid. It looks up nothing in a table by the bytes.
func decodeBase64(b []byte) (decoded []byte, ok bool) {
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, false
	}
	padding := 0
	for padding < 2 && b[len(b)-1-padding] == '=' {
		padding++
	}
	invalid := 0
	last := 0 // the four sextets that were last decoded, as one number
	at := 0
	for i := 0; i < len(b); i += 4 {
		last = 0
		for j, c := range b[i : i+4] {
			if i+j >= len(b)-padding {
				c = 'A' // zero
			}
			value := sextet(c)
			invalid |= value
			last = last<<6 | value&0x3f
		}
		b[at], b[at+1], b[at+2] = byte(last>>16), byte(last>>8), byte(last)
		at += 3
	}
	unused := last & (1<<(8*padding) - 1)
	if invalid < 0 || unused != 0 {
		return nil, false
	}
	return b[:at-padding], true
}

// sextet is the value of a character of base64, or negative.
func sextet(c byte) int {
	x := int(c)
	value := -1
	value += between(x, 'A', 'Z') & (x - 'A' + 1)
	value += between(x, 'a', 'z') & (x - 'a' + 26 + 1)
	value += between(x, '0', '9') & (x - '0' + 52 + 1)
	value += between(x, '+', '+') & (62 + 1)
	value += between(x, '/', '/') & (63 + 1)
	return value
}

// between is all ones if low <= x <= high and zero if not, without a branch. All are
// bytes.
func between(x, low, high int) int { return ((low - 1 - x) & (x - high - 1)) >> 8 }
