package secret

import (
	"errors"
	"os"
	"unsafe"
)

// TakeVariable removes a variable from the environment and returns its value,
// which is nil if it is not set. It wipes every copy that the process has: the
// string that the runtime made at the start, and on Linux the environment block
// itself, so that /proc/PID/environ does not show it.
//
// On Linux, TakeVariable starts the program again, in the same process, if the
// variable is in the environment more than once. So call it before anything else.
//
// An error says that a copy may be left. The value is good all the same.
func TakeVariable(name string) (secret []byte, err error) {
	if _, set := os.LookupEnv(name); !set {
		return nil, nil
	}
	repeated := forgetRepetitions(name)
	disturbed := Undisturbed(func() { secret, err = take(name) })
	if disturbed != nil {
		secret, err = take(name)
	}
	return secret, errors.Join(repeated, disturbed, err)
}

func take(name string) ([]byte, error) {
	value := os.Getenv(name)
	secret := []byte(value)
	// The string lies in memory that the runtime allocated for it and nobody
	// else refers to once the variable is unset.
	if len(value) > 0 {
		Wipe(unsafe.Slice(unsafe.StringData(value), len(value)))
	}
	_ = os.Unsetenv(name)
	return secret, wipeEnvironmentBlock(name)
}
