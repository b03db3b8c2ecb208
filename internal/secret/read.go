package secret

import (
	"errors"
	"fmt"
	"io"
)

// ReadAll reads at most limit bytes, about expected, into one buffer. It leaves no
// copy of them elsewhere, neither if it fails nor if the buffer has to grow. The
// caller wipes the buffer.
func ReadAll(from io.Reader, limit, expected int) ([]byte, error) {
	buffer := make([]byte, min(max(expected, 512), limit)+1)
	length := 0
	for {
		n, err := from.Read(buffer[length:])
		length += n
		switch {
		case errors.Is(err, io.EOF) && length <= limit:
			return buffer[:length], nil
		case length > limit:
			err = fmt.Errorf("is larger than %d bytes", limit)
		}
		if err != nil {
			Wipe(buffer)
			return nil, err
		}
		if length == len(buffer) {
			larger := make([]byte, min(2*len(buffer), limit+1))
			copy(larger, buffer)
			Wipe(buffer)
			buffer = larger
		}
	}
}
