// Package limits knows what the system lets the process have, and how much of that
// connections and incomplete requests may take.
package limits

const (
	// heldShare is the divisor of the memory limit: incomplete requests may hold
	// an eighth. The garbage collector lets the heap grow to twice what is in use,
	// and the kernel's buffers for the same connections count as well.
	heldShare = 8
	leastHeld = 1 << 20
)

// DefaultHeld is how much incomplete requests may hold together, in bytes, if there
// is no limit on memory.
const DefaultHeld = 64 << 20

// Held returns how much incomplete requests may hold together, in bytes. memory
// returns the memory that the process may use, or an error if there is no limit.
func Held(memory func() (uint64, error)) int64 {
	limit, err := memory()
	if err != nil { // no limit, or no cgroup
		return DefaultHeld
	}
	return max(int64(limit/heldShare), leastHeld)
}

// Connections returns how many connections may be open: wanted, or what the
// system's limit on open files leaves beside reserved ones, if that is less.
func Connections(wanted, reserved int) int {
	descriptors, known := descriptors()
	if !known || uint64(wanted+reserved) <= descriptors {
		return wanted
	}
	return max(1, int(descriptors)-reserved)
}
