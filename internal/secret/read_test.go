package secret

import "testing"

// TestReadAllIsBounded: reading ends at the limit, even if the file grows
// meanwhile or, as in /proc, reports no size.
func TestReadAllIsBounded(t *testing.T) {
	t.Parallel()
	reader := &endless{}
	if _, err := ReadAll(reader, 1000, 0); err == nil || reader.asked > 1001 {
		t.Errorf("%v after %d bytes", err, reader.asked)
	}
}

// endless reads as x forever.
type endless struct{ asked int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	e.asked += len(b)
	return len(b), nil
}
