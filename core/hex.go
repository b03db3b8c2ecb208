package core

// Package encoding/hex does the same, but brings package fmt with it, which is some
// 13 % of a WebAssembly module.

// appendHex appends the hexadecimal digits of data, in lower case.
func appendHex(to, data []byte) []byte {
	const digits = "0123456789abcdef"
	for _, b := range data {
		to = append(to, digits[b>>4], digits[b&0xf])
	}
	return to
}

// decodeHex fills to from twice as many hexadecimal digits of either case, and
// reports whether they are that.
func decodeHex(to, digits []byte) bool {
	if len(digits) != 2*len(to) {
		return false
	}
	for i := range to {
		high, ok := hexDigit(digits[2*i])
		low, ok2 := hexDigit(digits[2*i+1])
		if !ok || !ok2 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

func hexDigit(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
