package core

import (
	"bytes"
	"encoding/binary"
)

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
	at, i := 0, 0
	wrong := uint64(0)
	for ; len(b)-i > 8; i += 8 { // what has padding is left to the loop below
		values, w := sextets(binary.BigEndian.Uint64(b[i:]))
		wrong |= w
		binary.BigEndian.PutUint64(b[at:], joined(values)<<16) // all eight have been read
		at += 6
	}
	for ; i < len(b); i += 4 {
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
	if invalid < 0 || wrong != 0 || unused != 0 {
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

// lanes is 1 in each of eight bytes, and highBits has the highest bit of each.
const (
	lanes    = 0x0101010101010101
	highBits = lanes << 7
)

// sextets is [sextet] for eight characters at once, one in each byte. wrong is not zero
// if one of them is no character of base64.
func sextets(characters uint64) (values, wrong uint64) {
	x := characters &^ highBits
	upper, lower, digit := within(x, 'A', 'Z'), within(x, 'a', 'z'), within(x, '0', '9')
	plus, slash := within(x, '+', '+'), within(x, '/', '/')
	values = shifted(x, upper, 'A', 0) | shifted(x, lower, 'a', 26) | shifted(x, digit, '0', 52) | plus&(lanes*62) | slash&(lanes*63)
	return values, characters&highBits | ^(upper | lower | digit | plus | slash)
}

// within is all ones in each byte of x that is low, high or between them, and zero in the
// others. All are less than 0x80, so no carry leaves its byte.
func within(x, low, high uint64) uint64 {
	in := (x + lanes*(0x80-low)) &^ (x + lanes*(0x7f-high)) & highBits
	return in | (in - in>>7)
}

// shifted is x - first + value in each byte where in is all ones, and zero in the others.
func shifted(x, in, first, value uint64) uint64 {
	return (x&in + lanes*(0x80+value-first)&in) &^ highBits // 0x80 + value - first is positive
}

// joined are the 48 bits of eight sextets, one in each byte.
func joined(sextets uint64) uint64 {
	pairs := sextets&0x003f003f003f003f | sextets&0x3f003f003f003f00>>2
	fours := pairs&0x00000fff00000fff | pairs&0x0fff00000fff0000>>4
	return fours&0xffffff | fours>>32<<24
}
