package main

import (
	"bytes"
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

// command returns a command on two processors, in a process group of its own,
// so that the terminal's Ctrl-C reaches the harness alone, which then ends its
// servers in order.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	if runtime.NumCPU() > 2 {
		args = append([]string{"-c", "0,1", program}, args...)
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
	output, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	p := &process{name: name, cmd: command(ctx, program, args...), output: output, exited: make(chan struct{})}
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

// cpu returns the processor time that the process and its children have used.
func (p *process) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range p.family() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		used, err := parseStat(stat)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", p.name, err)
		}
		sum += used
	}
	return sum, nil
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

// parseStat reads utime and stime from /proc/PID/stat. The kernel counts them
// in hundredths of a second on every platform that Go knows.
func parseStat(stat []byte) (time.Duration, error) {
	const tick = 10 * time.Millisecond
	// The second field is the program's name in parentheses, which may hold
	// spaces and parentheses.
	_, rest, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat: %q has too few fields", stat)
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/PID/stat: utime: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/PID/stat: stime: %w", err)
	}
	return time.Duration(user+system) * tick, nil
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
