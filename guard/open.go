package guard

import (
	"context"
	"errors"

	"github.com/concrete-security/auth-service/internal/tokens"
)

// Open returns a Guard that decides by the keyring in a file. It reads the file, and
// reads it again within a second of every change, until ctx is done. After that the
// Guard goes on with the last keyring.
//
// Open fails if the path is empty, or if the file cannot be read or has a mistake; the error names each wrong
// line. Later failures are logged, and the last good keyring stays in force. A
// keyring without a usable token is no failure: every request gets 500, and the log
// says why.
//
// The path may be a symbolic link, as in a mounted Kubernetes Secret. The file has to
// be a regular file of at most 64 MiB. If it was changed less than a second ago and is
// not valid, it may be half written, so Open waits for it, for at most three seconds.
func Open(ctx context.Context, path string, options ...Option) (*Guard, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if path == "" { // to package tokens, no path is no keyring
		return nil, errors.New("guard: the path of the keyring file is empty")
	}
	g := New(nil, options...)
	sources, err := tokens.Open(tokens.Options{Keyring: path, MustExist: true, Logger: g.logger()})
	if err != nil {
		return nil, err
	}
	keyring, err := sources.Load(ctx)
	if err != nil {
		return nil, err
	}
	g.SetKeyring(keyring)
	go sources.Watch(ctx, nil, g.SetKeyring)
	return g, nil
}
