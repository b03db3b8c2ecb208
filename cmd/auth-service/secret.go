package main

import (
	"os"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

// takeSecret returns the value of an environment variable and wipes every
// copy that the process has of it: the string that the runtime made of it at
// start, and where the system can do so, the environment block itself, so that
// /proc/PID/environ shows it no more.
func takeSecret(name string) (secret []byte) {
	if err := undisturbed.Run(func() { secret = take(name) }); err != nil {
		secret = take(name)
	}
	return secret
}

func take(name string) []byte {
	value, set := os.LookupEnv(name)
	if !set {
		return nil
	}
	secret := []byte(value)
	// The string lies in memory that the runtime allocated for it and nobody
	// else refers to once the variable is unset.
	if len(value) > 0 {
		core.Wipe(unsafe.Slice(unsafe.StringData(value), len(value)))
	}
	_ = os.Unsetenv(name)
	wipeEnvironmentBlock(name)
	return secret
}
