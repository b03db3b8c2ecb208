//go:build !arm64 && !riscv64

package core

// readZeros has nothing to do where copying zeros overwrites all registers that
// searching and comparing take, or where these take none.
func readZeros([]byte) bool { return true }
