package guest

import (
	"encoding/binary"
	"iter"

	"github.com/concrete-security/auth-service/internal/identity"
)

// Header fields as proxy-wasm hosts and guests exchange them: the number of
// fields; the lengths of name and value of each; then each name and value,
// with a NUL behind either. All numbers are little-endian and of 32 bits.

const numberSize = 4

// A Head is what matters of a request's header fields. Its slices are parts of
// what it was read from.
type Head struct {
	// Authorization is the value of the last Authorization field.
	Authorization []byte
	// Name is the name of that field, as the client wrote it.
	Name []byte
	// Fields is the number of Authorization fields.
	Fields int

	pairs []byte
}

// ReadHead reads header fields as a proxy-wasm host writes them. No bytes at
// all are no fields. It is false for anything that is not of that form.
func ReadHead(pairs []byte) (Head, bool) {
	h := Head{pairs: pairs}
	for name, value := range fields(pairs) {
		if isAuthorization(name) {
			h.Name, h.Authorization = name, value
			h.Fields++
		}
	}
	return h, wellFormed(pairs)
}

func isAuthorization(name []byte) bool {
	const lower = "authorization"
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Identities are the names of the fields that a program behind the proxy might
// take for those that say who asks, as the client wrote them, one for each field.
func (h Head) Identities() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for name := range fields(h.pairs) {
			if identity.IsIdentity(name) && !yield(name) {
				return
			}
		}
	}
}

// AppendConnection appends to left the remaining options of all Connection fields;
// see [identity.AppendConnection]. It is not ok if these are longer than [identity.MaxConnection].
func (h Head) AppendConnection(left []byte) (_ []byte, named, ok bool) {
	size := 0
	for name, value := range fields(h.pairs) {
		if !identity.IsConnection(name) {
			continue
		}
		if size += len(value) + 1; size > identity.MaxConnection {
			return left, false, false
		}
		var n bool
		left, n = identity.AppendConnection(left, value)
		named = named || n
	}
	return left, named, true
}

// wellFormed reports whether the fields fill the bytes exactly.
func wellFormed(pairs []byte) bool {
	if len(pairs) == 0 {
		return true
	}
	if len(pairs) < numberSize {
		return false
	}
	count := uint64(binary.LittleEndian.Uint32(pairs))
	want := numberSize + count*2*numberSize
	if want > uint64(len(pairs)) {
		return false
	}
	lengths := pairs[numberSize:want]
	for at := 0; at < len(lengths); at += numberSize {
		want += uint64(binary.LittleEndian.Uint32(lengths[at:])) + 1
		if want > uint64(len(pairs)) || pairs[want-1] != 0 {
			return false
		}
	}
	return want == uint64(len(pairs))
}

// fields gives all names and values, none if pairs is not well-formed.
func fields(pairs []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		if len(pairs) == 0 || !wellFormed(pairs) {
			return
		}
		count := int(binary.LittleEndian.Uint32(pairs))
		lengths := pairs[numberSize:]
		texts := lengths[count*2*numberSize:]
		for range count {
			name, value := binary.LittleEndian.Uint32(lengths), binary.LittleEndian.Uint32(lengths[numberSize:])
			lengths = lengths[2*numberSize:]
			valueAt := name + 1
			if !yield(texts[:name], texts[valueAt:valueAt+value]) {
				return
			}
			texts = texts[valueAt+value+1:]
		}
	}
}

// AppendPairs appends one header field in the same form.
func AppendPairs(b []byte, name, value string) []byte {
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(name)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	b = append(append(b, name...), 0)
	return append(append(b, value...), 0)
}
