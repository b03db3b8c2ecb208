package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is where and with what a run was made.
type machine struct {
	Date       string `json:"date"`
	Processor  string `json:"processor"`
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Nginx      string `json:"nginx"`
	Python     string `json:"python"`
	Caddy      string `json:"caddy"`
	// Compiler and Rust are empty where they are not installed.
	Compiler string `json:"c_compiler,omitempty"`
	Rust     string `json:"rust,omitempty"`
	Revision string `json:"revision"`
	// Load is how many processes had been running for a minute before.
	Load float64 `json:"load"`
}

func describe(ctx context.Context) (m machine, err error) {
	m.Date = time.Now().UTC().Format(time.DateOnly)
	m.Processors = runtime.NumCPU()
	m.Processor = processorName()
	m.Load = load1()
	for _, part := range []struct {
		to   *string
		args []string
	}{
		{&m.Kernel, []string{"uname", "-sr"}},
		{&m.Go, []string{"go", "env", "GOVERSION"}},
		{&m.Nginx, []string{"nginx", "-v"}},
		{&m.Python, []string{"python3", "--version"}},
		{&m.Caddy, []string{"caddy", "version"}},
		{&m.Revision, []string{"git", "-C", repository, "rev-parse", "--short", "HEAD"}},
	} {
		output, err := exec.CommandContext(ctx, part.args[0], part.args[1:]...).CombinedOutput()
		if err != nil {
			return m, fmt.Errorf("%s: %w", strings.Join(part.args, " "), err)
		}
		*part.to = strings.TrimSpace(string(output))
	}
	m.Nginx = strings.TrimPrefix(m.Nginx, "nginx version: ")
	m.Compiler = versionOf(ctx, "cc")
	m.Rust = versionOf(ctx, "rustc")
	return m, nil
}

// versionOf returns the first line of what a program says of its version, or nothing
// if it cannot be run.
func versionOf(ctx context.Context, program string) string {
	output, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(output), "\n")
	return strings.TrimSpace(first)
}

func load1() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}

// processorName is what the kernel calls the first processor; on arm64 it does
// not.
func processorName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
