//go:build arm64 || riscv64

package secret

import "bytes"

// readZeros searches and compares zeros. On these processors, searching and
// comparing use vector registers, and copying does not. It returns true.
//
//go:noinline
func readZeros(zeros []byte) bool {
	half := len(zeros) / 2
	return bytes.IndexByte(zeros, 1) < 0 && bytes.Equal(zeros[:half], zeros[half:2*half])
}
