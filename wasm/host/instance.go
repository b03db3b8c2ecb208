package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/wasm/internal/guest"
)

// An instance is one copy of the module, with a memory of its own. It runs one
// call at a time.
type instance struct {
	module                                           api.Module
	alloc, configure, authorize, principal, lastFail api.Function
	reason, accept, scopes, key                      api.Function // nil in older modules

	// identity is what is asked for besides the principal.
	identity core.Identity
	// schemes are those that the module accepts.
	schemes core.Schemes
	// keyring is what the instance is configured with, nil for nothing.
	keyring *keyring
	stack   [5]uint64
	// at is the buffer that alloc gave, which serves many requests.
	at, size uint32
}

func newInstance(module api.Module, options Options) (*instance, error) {
	i := &instance{module: module, identity: options.Identity, schemes: core.Bearer}
	for _, export := range []struct {
		name   string
		to     *api.Function
		needed bool
	}{
		{"alloc", &i.alloc, true},
		{"configure", &i.configure, true},
		{"authorize", &i.authorize, true},
		{"principal", &i.principal, true},
		{"last_error", &i.lastFail, true},
		{"reason", &i.reason, false},
		{"accept", &i.accept, options.Accept.Schemes&core.Basic != 0},
		{"scopes", &i.scopes, options.Identity.Tells(core.IdentityScopes)},
		{"key", &i.key, options.Identity.Tells(core.IdentityKey)},
	} {
		if *export.to = module.ExportedFunction(export.name); *export.to == nil && export.needed {
			return nil, fmt.Errorf("the module does not export %s", export.name)
		}
	}
	return i, nil
}

// call calls f with the arguments on the stack and returns its result.
func (i *instance) call(ctx context.Context, f api.Function, arguments ...uint64) (uint64, error) {
	copy(i.stack[:], arguments)
	if err := f.CallWithStack(ctx, i.stack[:]); err != nil {
		return 0, err
	}
	return i.stack[0], nil
}

// buffer makes sure of a buffer of at least size bytes.
func (i *instance) buffer(ctx context.Context, size uint32) error {
	if i.at != 0 && size <= i.size {
		return nil
	}
	size = max(size, 1<<10)
	at, err := i.call(ctx, i.alloc, uint64(size))
	if err == nil && at == 0 {
		err = errors.New("the module has no memory for the request")
	}
	if err != nil {
		i.at, i.size = 0, 0
		return err
	}
	i.at, i.size = uint32(at), size
	return nil
}

// load configures the instance.
func (i *instance) load(ctx context.Context, k *keyring) error {
	i.keyring, i.at = nil, 0
	if err := i.buffer(ctx, uint32(len(k.text))); err != nil {
		return err
	}
	at := i.at
	i.at, i.size = 0, 0 // configure takes the buffer
	if !i.module.Memory().Write(at, k.text) {
		return errMemory
	}
	code, err := i.call(ctx, i.configure, uint64(at), uint64(len(k.text)))
	if err != nil {
		return err
	}
	result := guest.Result(int32(code))
	if result == guest.Configured {
		i.keyring = k
		return nil
	}
	text, err := i.text(ctx, i.lastFail)
	switch {
	case err != nil:
		return err
	case result == guest.BadKeyring, result == guest.NoToken:
		return &KeyringError{Reason: text}
	}
	return fmt.Errorf("the module answered %d (%s): %s", result, result, text)
}

// decide asks for a verdict.
func (i *instance) decide(ctx context.Context, c credential, scopes string, now int64) (d core.Decision, err error) {
	if err := i.take(ctx, c.schemes); err != nil {
		return d, err
	}
	length := uint32(len(c.prefix) + len(c.value))
	if err := i.buffer(ctx, length+uint32(len(scopes))); err != nil {
		return d, err
	}
	memory := i.module.Memory()
	if !memory.WriteString(i.at, c.prefix) || !memory.WriteString(i.at+uint32(len(c.prefix)), c.value) || !memory.WriteString(i.at+length, scopes) {
		return d, errMemory
	}
	answer, err := i.call(ctx, i.authorize, uint64(i.at), uint64(length), uint64(i.at+length), uint64(len(scopes)), uint64(now))
	if err != nil {
		return d, err
	}
	status := int(int32(answer))
	if d.Reason, err = i.why(ctx, status); err != nil || !d.Granted() {
		return d, err
	}
	return d, i.identify(ctx, &d)
}

// take makes the module accept these schemes.
func (i *instance) take(ctx context.Context, schemes core.Schemes) error {
	if i.schemes == schemes {
		return nil
	}
	code, err := i.call(ctx, i.accept, uint64(schemes))
	if err == nil && int32(code) != int32(guest.Configured) {
		err = fmt.Errorf("the module answered %d for the schemes %d", int32(code), schemes)
	}
	if err == nil {
		i.schemes = schemes
	}
	return err
}

// identify asks for the owner of the token that was granted.
func (i *instance) identify(ctx context.Context, d *core.Decision) (err error) {
	if d.Principal, err = i.text(ctx, i.principal); err != nil {
		return err
	}
	if d.Principal == "" {
		return errors.New("the module granted a request of nobody")
	}
	if i.identity.Tells(core.IdentityScopes) {
		if d.Scopes, err = i.text(ctx, i.scopes); err != nil {
			return err
		}
	}
	if i.identity.Tells(core.IdentityKey) {
		text, err := i.text(ctx, i.key)
		if err != nil {
			return err
		}
		d.Key, err = keyIDOf(text)
		return err
	}
	return nil
}

// keyIDOf returns the key id of that text: the digits of the beginning of a
// credential.
func keyIDOf(text string) (core.KeyID, error) {
	var c core.Credential
	begin, err := hex.DecodeString(text)
	if err != nil || len(begin) != 4 {
		return core.KeyID{}, errors.New("the module's key id is not 8 hexadecimal digits")
	}
	copy(c[:], begin)
	return c.KeyID(), nil
}

// why asks for the reason of a verdict with that status.
func (i *instance) why(ctx context.Context, status int) (core.Reason, error) {
	if i.reason == nil {
		word, err := i.text(ctx, i.lastFail)
		if err != nil {
			return 0, err
		}
		return reasonOf(status, word)
	}
	number, err := i.call(ctx, i.reason)
	if err != nil {
		return 0, err
	}
	n := int(int32(number))
	if n < 0 || n >= core.Reasons || core.Reason(n).Status() != status {
		return 0, fmt.Errorf("the module answered %d for the reason %d", status, n)
	}
	return core.Reason(n), nil
}

// reasonOf returns the reason with that status and word. Should a module have
// another word, the status decides.
func reasonOf(status int, word string) (core.Reason, error) {
	switch status {
	case 200:
		return core.Granted, nil
	case 403:
		return core.InsufficientScope, nil
	case 500:
		return core.Unconfigured, nil
	case 401:
		for n := range core.Reasons {
			if r := core.Reason(n); r.Status() == status && r.String() == word {
				return r, nil
			}
		}
		return core.Unknown, nil
	}
	return 0, fmt.Errorf("the module answered %d", status)
}

// text reads what f returns: an address and a length.
func (i *instance) text(ctx context.Context, f api.Function) (string, error) {
	result, err := i.call(ctx, f)
	if err != nil || result == 0 {
		return "", err
	}
	b, ok := i.module.Memory().Read(uint32(result>>32), uint32(result))
	if !ok {
		return "", errMemory
	}
	return string(b), nil
}

var errMemory = errors.New("the module gave an address outside its memory")
