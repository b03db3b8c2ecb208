package keyringfile

import (
	"context"
	"errors"
)

// Edit edits.
func Edit(ctx context.Context, path string, change func(*Text) error, confirm func() error) error {
	return errors.New("not yet")
}

// Read reads.
func Read(path string) (*Text, error) { return nil, errors.New("not yet") }
