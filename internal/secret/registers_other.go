//go:build !arm64 && !riscv64

package secret

// readZeros has nothing to do: here searching and comparing use no vector
// registers, or only those that copying zeros overwrites.
func readZeros([]byte) bool { return true }
