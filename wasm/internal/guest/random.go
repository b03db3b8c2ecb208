package guest

import (
	"errors"
	"io"
)

var errZeros = errors.New("the host's random source gives nothing but zeros")

// CheckedRandom returns a reader of random that refuses to give nothing but
// zeros, which is what a host gives that was written without a thought of
// randomness. No more than that can be told from the bytes.
func CheckedRandom(random io.Reader) io.Reader { return checkedRandom{random} }

type checkedRandom struct{ random io.Reader }

func (r checkedRandom) Read(p []byte) (int, error) {
	n, err := io.ReadFull(r.random, p)
	if err != nil {
		return n, err
	}
	for _, b := range p {
		if b != 0 {
			return n, nil
		}
	}
	return 0, errZeros
}
