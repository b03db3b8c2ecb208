package parity

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// full says to leave nothing out.
var full = os.Getenv("AUTH_SERVICE_PARITY") == "full"

// An engine is a way in which wazero runs a module. Its cache keeps what is
// compiled for the whole of the test binary.
type engine struct {
	name        string
	interpreter bool
	cache       func() wazero.CompilationCache
	listeners   experimental.FunctionListenerFactory // or nil
}

// context returns what modules are to be made with.
func (e *engine) context(ctx context.Context) context.Context {
	if e.listeners == nil {
		return ctx
	}
	return experimental.WithFunctionListenerFactory(ctx, e.listeners)
}

var (
	interpreter = &engine{name: "wazero-interpreter", interpreter: true, cache: sync.OnceValue(wazero.NewCompilationCache)}
	compiler    = &engine{name: "wazero-compiler", cache: sync.OnceValue(wazero.NewCompilationCache)}
)

// engines are those of this run.
func engines() []*engine {
	if full {
		return []*engine{interpreter, compiler}
	}
	return []*engine{interpreter}
}

// quickest is the engine for tests of many verdicts.
func quickest() *engine { return engines()[len(engines())-1] }

// wasiCalls counts the calls of WASI functions by name.
type wasiCalls map[string]int

func (c wasiCalls) NewFunctionListener(f api.FunctionDefinition) experimental.FunctionListener {
	return experimental.FunctionListenerFunc(func(context.Context, api.Module, api.FunctionDefinition, []uint64, experimental.StackIterator) {
		c[f.ExportNames()[0]]++
	})
}

// runtime makes a runtime that has WASI. Calls of WASI are counted if calls is
// not nil.
func (e *engine) runtime(ctx context.Context, calls wasiCalls) (wazero.Runtime, error) {
	config := wazero.NewRuntimeConfigCompiler()
	if e.interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	ctx = e.context(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, config.WithCompilationCache(e.cache()))
	if calls != nil {
		ctx = experimental.WithFunctionListenerFactory(ctx, calls)
	}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, r); err != nil {
		return nil, err
	}
	return r, nil
}

// open makes a runtime that is closed with the test.
func (e *engine) open(tb testing.TB, calls wasiCalls) wazero.Runtime {
	tb.Helper()
	r, err := e.runtime(tb.Context(), calls)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// instantiate makes an instance of a module.
func instantiate(ctx context.Context, tb testing.TB, r wazero.Runtime, module []byte, config wazero.ModuleConfig) api.Module {
	tb.Helper()
	compiled, err := r.CompileModule(ctx, module)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := r.InstantiateModule(ctx, compiled, config.WithStartFunctions("_initialize"))
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// memoryOf returns a copy of an instance's whole linear memory.
func memoryOf(tb testing.TB, m api.Module) []byte {
	tb.Helper()
	view, ok := m.Memory().Read(0, m.Memory().Size())
	if !ok {
		tb.Fatal("the memory cannot be read")
	}
	return append([]byte(nil), view...)
}
