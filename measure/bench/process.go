package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a server that the harness has started.
type process struct {
	name   string
	cmd    *exec.Cmd
	output *os.File
	exited chan struct{}
}

// command returns a command on two processors.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return commandOn(ctx, "", program, args...)
}

// commandOn returns a command on the processors that a list of taskset's names, or
// on two if it is empty. It runs in a process group of its own, so that the terminal's
// Ctrl-C reaches the harness alone, which then ends its servers in order.
func commandOn(ctx context.Context, processors, program string, args ...string) *exec.Cmd {
	if processors == "" && runtime.NumCPU() > 2 {
		processors = "0,1"
	}
	if processors != "" {
		args = append([]string{"-c", processors, program}, args...)
		program = "taskset"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// start starts a server whose output goes to a file in dir.
func start(ctx context.Context, dir, name string, env []string, program string, args ...string) (*process, error) {
	return startCommand(dir, name, env, command(ctx, program, args...))
}

func startCommand(dir, name string, env []string, cmd *exec.Cmd) (*process, error) {
	output, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: cmd, output: output, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if err := p.cmd.Start(); err != nil {
		output.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // it ends by a signal
		output.Close()
		close(p.exited)
	}()
	return p, nil
}

// stop ends the process and waits until it is gone.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Cancel() // it may be gone already
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.exited
	}
}

// failure describes what the process has to say about an error.
func (p *process) failure(err error) error {
	text, _ := os.ReadFile(p.output.Name())
	return fmt.Errorf("%s: %w\n%s", p.name, err, text)
}

// family returns the process and its children: nginx works in one.
func (p *process) family() []int {
	pid := p.cmd.Process.Pid
	pids := []int{pid}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for field := range strings.FieldsSeq(string(children)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// resident returns the resident memory of the process and its children, in
// bytes.
func (p *process) resident() (int, error) {
	sum := 0
	for _, pid := range p.family() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		bytes, err := parseResident(status)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
		sum += bytes
	}
	return sum, nil
}

func parseResident(status []byte) (int, error) {
	for line := range strings.Lines(string(status)) {
		value, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		kilobytes, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
		if err != nil {
			return 0, fmt.Errorf("/proc/PID/status: VmRSS: %w", err)
		}
		return kilobytes << 10, nil
	}
	return 0, fmt.Errorf("/proc/PID/status: no VmRSS in %q", status)
}
