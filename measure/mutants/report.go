package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// report is what gremlins writes.
type report struct {
	Files []reportFile `json:"files"`
}

type reportFile struct {
	Name      string     `json:"file_name"` // from the folder that is tested
	Mutations []mutation `json:"mutations"`
}

type mutation struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Line   int    `json:"line"`
	Column int    `json:"column"` // of the operator, from 1, in bytes
}

func readReport(file string) (*report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(report)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("gremlins' report: %w", err)
	}
	return r, nil
}

// outcome is what became of the mutants of a folder.
type outcome struct {
	killed, uncovered  int
	survived, timedOut []survivor
}

// check reports a run that says nothing about the tests. A few mutants loop for ever;
// many run out of time only if the machine is too busy for all of them.
func (o outcome) check() error {
	switch {
	case o.killed == 0:
		return errors.New("no mutant was killed: is there a test?")
	case len(o.timedOut)*5 > o.killed:
		return fmt.Errorf("%d mutants ran out of time and only %d were killed: run it again when the machine is less busy", len(o.timedOut), o.killed)
	}
	return nil
}

// outcome looks up the lines of the survivors in the folder's files below root.
func (r *report) outcome(root, folder string) (outcome, error) {
	var o outcome
	slices.SortFunc(r.Files, func(a, b reportFile) int { return cmp.Compare(a.Name, b.Name) })
	for _, f := range r.Files {
		name := path.Join(folder, filepath.ToSlash(f.Name))
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return o, err
		}
		lines := strings.Split(string(data), "\n")
		slices.SortFunc(f.Mutations, func(a, b mutation) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Type, b.Type))
		})
		for _, m := range f.Mutations {
			switch m.Status {
			case "KILLED":
				o.killed++
			case "NOT COVERED":
				o.uncovered++
			case "LIVED", "TIMED OUT":
				if m.Line < 1 || m.Line > len(lines) {
					return o, fmt.Errorf("%s:%d: gremlins names a line that is not there", name, m.Line)
				}
				line, err := mark(lines[m.Line-1], m.Column)
				if err != nil {
					return o, fmt.Errorf("%s:%d: %w", name, m.Line, err)
				}
				s := survivor{file: name, mutation: m.Type, line: line}
				if m.Status == "LIVED" {
					o.survived = append(o.survived, s)
				} else {
					o.timedOut = append(o.timedOut, s)
				}
			case "NOT VIABLE", "SKIPPED": // does not compile; outside a diff
			default:
				return o, fmt.Errorf("%s:%d: gremlins' status %q is unknown", name, m.Line, m.Status)
			}
		}
	}
	return o, nil
}

// mark sets the operator at column between «».
func mark(line string, column int) (string, error) {
	at := column - 1
	if at < 0 || at >= len(line) {
		return "", fmt.Errorf("column %d is outside of the line", column)
	}
	src := []byte(line[at:])
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile("", files.Base(), len(src)), src, func(token.Position, string) {}, 0)
	_, operator, _ := s.Scan()
	if !operator.IsOperator() {
		return "", fmt.Errorf("there is no operator at column %d", column)
	}
	end := at + len(operator.String())
	return strings.TrimSpace(line[:at] + "«" + operator.String() + "»" + line[end:]), nil
}
