//go:build wasmtime

package wasmtime

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bytecodealliance/wasmtime-go/v44"

	"github.com/concrete-security/auth-service/core/vectors"
	"github.com/concrete-security/auth-service/wasm/internal/hosttest"
	"github.com/concrete-security/auth-service/wasm/internal/modules"
)

// An instance of the reactor module, by its exports.
type instance struct {
	store  *wasmtime.Store
	module *wasmtime.Instance
	memory *wasmtime.Memory
}

func newInstance(engine *wasmtime.Engine, module *wasmtime.Module) (*instance, error) {
	linker := wasmtime.NewLinker(engine)
	if err := linker.DefineWasi(); err != nil {
		return nil, err
	}
	i := &instance{store: wasmtime.NewStore(engine)}
	i.store.SetWasi(wasmtime.NewWasiConfig())
	var err error
	if i.module, err = linker.Instantiate(i.store, module); err != nil {
		return nil, err
	}
	memory := i.module.GetExport(i.store, "memory")
	if memory == nil {
		return nil, errors.New("the module exports no memory")
	}
	i.memory = memory.Memory()
	_, err = i.call("_initialize")
	return i, err
}

func (i *instance) call(name string, arguments ...any) (any, error) {
	f := i.module.GetFunc(i.store, name)
	if f == nil {
		return nil, fmt.Errorf("the module does not export %s", name)
	}
	result, err := f.Call(i.store, arguments...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return result, nil
}

func (i *instance) hand(b []byte) (int32, error) {
	result, err := i.call("alloc", int32(len(b)))
	if err != nil {
		return 0, err
	}
	at, ok := result.(int32)
	if !ok || at == 0 {
		return 0, fmt.Errorf("no buffer of %d bytes", len(b))
	}
	copy(i.memory.UnsafeData(i.store)[uint32(at):], b)
	return at, nil
}

func (i *instance) text(name string) (string, error) {
	result, err := i.call(name)
	if err != nil {
		return "", err
	}
	packed := uint64(result.(int64))
	at, length := packed>>32, packed&0xffffffff
	return string(i.memory.UnsafeData(i.store)[at : at+length]), nil
}

func (i *instance) configure(keyring []byte) error {
	at, err := i.hand(keyring)
	if err == nil {
		_, err = i.call("configure", at, int32(len(keyring)))
	}
	return err
}

func (i *instance) authorize(value, scopes []byte, now int64) (o vectors.Outcome, err error) {
	at, err := i.hand(append(append([]byte(nil), value...), scopes...))
	if err != nil {
		return o, err
	}
	n := int32(len(value))
	status, err := i.call("authorize", at, n, at+n, int32(len(scopes)), now)
	if err != nil {
		return o, err
	}
	o.Status = int(status.(int32))
	for name, to := range map[string]*string{"principal": &o.Principal, "scopes": &o.Scopes, "key": &o.Key, "last_error": &o.Reason} {
		if *to, err = i.text(name); err != nil {
			return o, err
		}
	}
	return o, nil
}

func TestVerdicts(t *testing.T) {
	engine := wasmtime.NewEngine()
	module, err := wasmtime.NewModule(engine, modules.Reactor(t))
	if err != nil {
		t.Fatal(err)
	}
	var i *instance
	configuration := ""
	vectors.Run(t, vectors.Subject{Build: vectors.Reactor, Opaque: true, Decide: func(v *vectors.Verdict) (o vectors.Outcome, err error) {
		if i == nil || configuration != v.Configuration {
			if i, err = newInstance(engine, module); err != nil {
				return o, err
			}
			configuration = v.Configuration
			if v.Keyring != nil {
				if err := i.configure(v.Keyring); err != nil {
					return o, err
				}
			}
		}
		handed := hosttest.HandOver(v)
		if code, err := i.call("accept", int32(handed.Schemes)); err != nil || code != int32(0) {
			return o, fmt.Errorf("accept(%d): %v, %w", handed.Schemes, code, err)
		}
		o, err = i.authorize(handed.Value, []byte(strings.Join(v.Scopes, " ")), v.Now)
		hosttest.Tell(v, &o)
		if err == nil && o.Status != 200 && o.Reason != v.Expect.Reason {
			err = fmt.Errorf("reason %s, want %s", o.Reason, v.Expect.Reason)
		}
		return o, err
	}})
}
