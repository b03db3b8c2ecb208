package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// A survivor is a mutant that no test notices. It is known by the text of its
// line rather than by a number, which every edit above it would change.
type survivor struct {
	file     string // from the root of the tree, with slashes
	mutation string // gremlins' name for it
	line     string // trimmed, with «» around the operator that is changed
	reason   string
}

// String is the entry without its reason, as survivors.txt has it.
func (s survivor) String() string {
	return s.file + " " + s.mutation + "\n\t" + s.line
}

func (s survivor) key() survivor {
	s.reason = ""
	return s
}

// parseList reads survivors.txt. Its entries are separated by empty lines:
//
//	entry  = file SP mutation LF
//	         HTAB line LF
//	         reason LF *( reason LF )
//
// A line that begins with # is a comment.
func parseList(text string) ([]survivor, error) {
	var list []survivor
	number := 0
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		first := number + 1
		number += strings.Count(paragraph, "\n") + 2
		lines := slices.DeleteFunc(strings.Split(paragraph, "\n"), func(line string) bool {
			return line == "" || strings.HasPrefix(line, "#")
		})
		if len(lines) == 0 {
			continue
		}
		file, mutation, ok := strings.Cut(lines[0], " ")
		if !ok || len(lines) < 2 || !strings.HasPrefix(lines[1], "\t") || strings.Count(lines[1], "«") != 1 {
			return nil, fmt.Errorf("line %d: write FILE MUTATION, then a tab and the line of code with «» around the operator", first)
		}
		s := survivor{file: file, mutation: mutation, line: strings.TrimSpace(lines[1])}
		s.reason = strings.Join(lines[2:], " ")
		if strings.TrimSpace(s.reason) == "" {
			return nil, fmt.Errorf("line %d: add the reason why the mutant in %s changes nothing", first, file)
		}
		list = append(list, s)
	}
	return list, nil
}

// within reports whether a file is in one of the folders or below it.
func within(file string, folders []string) bool {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		if slices.Contains(folders, dir) {
			return true
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

// compare fails if the mutants that survived are not the listed ones. It says
// nothing of a listed mutant that ran out of time: that one did not survive, and
// no test noticed it either.
func compare(out io.Writer, listed []survivor, found outcome) error {
	left := map[survivor]int{} // a line may stand in a file more than once
	for _, s := range listed {
		left[s.key()]++
	}
	var added, gone int
	for _, s := range found.survived {
		if left[s.key()] > 0 {
			left[s.key()]--
			continue
		}
		added++
		fmt.Fprintf(out, "survived, and is not listed:\n%s\n\n", s)
	}
	for _, s := range found.timedOut {
		if left[s.key()] > 0 {
			left[s.key()]--
		}
	}
	for _, s := range listed {
		if left[s.key()] > 0 {
			left[s.key()]--
			gone++
			fmt.Fprintf(out, "is listed, and does not survive; remove it from the list:\n%s\n\n", s)
		}
	}
	if added+gone > 0 {
		return fmt.Errorf("%d mutants survive that are not listed: write a test, or list them with the reason why they change nothing; %d listed ones do not survive", added, gone)
	}
	return nil
}
