// Package hearsay says how a log line shows what a client or a proxy says of a request:
// escaped, cut, and without anything that looks like a token. The server and the
// WebAssembly modules share it, so it imports nothing heavy: package net/netip would add
// 160 KB to a module.
package hearsay

import (
	"bytes"

	"github.com/concrete-security/auth-service/internal/httptext"
)

const (
	// Most is how much of what a client sent a log line may hold, in bytes.
	Most = 256
	// NotShown replaces a value that looks like a token.
	NotShown = "(not shown: it looks like a token)"

	// shortestSecret is the length, in bytes, of the shortest value that may be a token.
	shortestSecret = 32
)

// Append appends a value as a log line may show it: nothing that looks like a token,
// unless the value is known to be something else. It appends at most [Most] bytes.
func Append(b, value []byte, known bool) []byte {
	if !known && looksLikeToken(value) {
		return append(b, NotShown...)
	}
	return appendPrintable(b, value)
}

// looksLikeToken reports whether a value may be a token, not a path. Half the tokens of
// `openssl rand -base64 32` have a slash, and few of them in front.
func looksLikeToken(value []byte) bool {
	if len(value) < shortestSecret {
		return false
	}
	slash := bytes.IndexByte(value, '/')
	return slash < 0 || slash > 0 && isBase64(value)
}

// isBase64 reports whether a value is base64, and not by chance: it has one of those
// characters that a name has not.
func isBase64(value []byte) bool {
	certain := false
	for _, c := range value {
		switch {
		case c == '+' || c == '=':
			certain = true
		case !httptext.IsDigit(c) && !isLetter(c|0x20) && c != '/':
			return false
		}
	}
	return certain
}

// appendPrintable cuts a value and escapes what could disturb a terminal or forge a
// line.
func appendPrintable(b, value []byte) []byte {
	const hexDigits = "0123456789abcdef"
	end := len(b) + Most
	for _, c := range value {
		if escaped := c < ' ' || c >= 0x7f || c == '\\'; escaped {
			if len(b)+len(`\x00`) > end {
				break
			}
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
			continue
		}
		if len(b) == end {
			break
		}
		b = append(b, c)
	}
	return b
}

// PathOf returns the path of a URI, or of a URL, which may name a user.
func PathOf(uri []byte) []byte {
	uri, _, _ = bytes.Cut(uri, []byte{'?'})
	if _, behind, isURL := bytes.Cut(uri, []byte("://")); isURL && uri[0] != '/' {
		if slash := bytes.IndexByte(behind, '/'); slash >= 0 {
			return behind[slash:]
		}
		return nil
	}
	return uri
}

// IsHost reports whether a value that is as long as a token is the name of a host: one
// with a dot, in lower case, and maybe a port.
func IsHost(value []byte) bool {
	name, port, _ := bytes.Cut(value, []byte{':'})
	for _, c := range port {
		if !httptext.IsDigit(c) {
			return false
		}
	}
	for _, c := range name {
		if !httptext.IsDigit(c) && !isLetter(c) && c != '-' && c != '.' {
			return false
		}
	}
	last := name[bytes.LastIndexByte(name, '.')+1:]
	for _, c := range last {
		if httptext.IsDigit(c) {
			return false
		}
	}
	return len(last) < len(name) && len(last) >= 2 && len(last) < shortestSecret
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// IsRequestID reports whether a value that is as long as a token is the random number
// that proxies make: nginx's 32 hexadecimal digits, or a UUID.
func IsRequestID(value []byte) bool {
	digits := 0
	for _, c := range value {
		switch {
		case isHexDigit(c):
			digits++
		case c != '-':
			return false
		}
	}
	return digits == 32 && len(value) <= len("01234567-0123-0123-0123-0123456789ab")
}

func isHexDigit(c byte) bool { return httptext.IsDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
