package hosttest

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/concrete-security/auth-service/core/vectors"
)

// EncodePairs writes fields in the form of a proxy-wasm host.
func EncodePairs(fields [][2]string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(fields)))
	for _, f := range fields {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f[0])))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f[1])))
	}
	for _, f := range fields {
		b = append(append(append(append(b, f[0]...), 0), f[1]...), 0)
	}
	return b
}

// DecodePairs reads what [EncodePairs] writes.
func DecodePairs(b []byte) (fields [][2]string) {
	if len(b) < 4 {
		return nil
	}
	count := binary.LittleEndian.Uint32(b)
	texts := bytes.Split(b[4+8*count:], []byte{0})
	for i := range count {
		fields = append(fields, [2]string{string(texts[2*i]), string(texts[2*i+1])})
	}
	return fields
}

// Pairs returns the fields of a vector as the names and values that hosts take.
func Pairs(fields []vectors.Field) (pairs [][2]string) {
	for _, f := range fields {
		pairs = append(pairs, f)
	}
	return pairs
}

// Values returns the values of the fields of that name.
func Values(fields [][2]string, name string) (list []string) {
	for _, f := range fields {
		if len(f[0]) == len(name) && strings.EqualFold(f[0], name) { // of ASCII letters
			list = append(list, f[1])
		}
	}
	return list
}

// Identities returns the values of all fields that a program behind the proxy might
// take for the principal's.
func Identities(fields [][2]string) (list []string) { return identities(fields, "user") }

func identities(fields [][2]string, what string) (list []string) {
	for _, f := range fields {
		if strings.EqualFold(strings.NewReplacer("_", "-", ".", "-").Replace(f[0]), "x-auth-request-"+what) {
			list = append(list, f[1])
		}
	}
	return list
}
