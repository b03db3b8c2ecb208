package core

// annotated is an error with what was being done, or to whom, before it. It
// stands for fmt.Errorf: package fmt, and encoding/hex, which needs it, would
// make a WebAssembly module larger by a seventh.
type annotated struct {
	what string
	err  error
}

func (e *annotated) Error() string { return e.what + ": " + e.err.Error() }

func (e *annotated) Unwrap() error { return e.err }
