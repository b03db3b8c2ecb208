package main

import (
	"errors"
	"os"
	"unsafe"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/undisturbed"
)

// takeSecret returns the value of an environment variable and wipes every
// copy that the process has of it: the string that the runtime made of it at
// start, and where the system can do so, the environment block itself, so that
// /proc/PID/environ shows it no more.
//
// An error says that a copy may be left; the value is good all the same.
func takeSecret(name string) (secret []byte, err error) {
	if _, set := os.LookupEnv(name); !set {
		return nil, nil
	}
	repeated := forgetRepetitions(name)
	disturbed := undisturbed.Run(func() { secret, err = take(name) })
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
		core.Wipe(unsafe.Slice(unsafe.StringData(value), len(value)))
	}
	_ = os.Unsetenv(name)
	return secret, wipeEnvironmentBlock(name)
}
