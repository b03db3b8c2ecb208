//go:build unix

package tokens

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// writableByOthers says what others than its owner can write: the file at path, or a
// directory around it, in which they could put another file in its place. The texts
// say what to do about it. A directory with the sticky bit protects its files.
func writableByOthers(path string) (texts []string) {
	const others = 0o022
	if info, err := os.Stat(path); err == nil && info.Mode()&others != 0 {
		texts = append(texts, fmt.Sprintf("%s can be changed by others than its owner (mode %04o); run chmod go-w %s",
			path, info.Mode().Perm(), quoted(path)))
	}
	for _, dir := range directoriesAround(path) {
		if info, err := os.Stat(dir); err == nil && info.Mode()&others != 0 && info.Mode()&fs.ModeSticky == 0 {
			texts = append(texts, fmt.Sprintf("%s can be replaced by others than its owner, who can write the directory %s (mode %04o); run chmod go-w %s",
				path, dir, info.Mode().Perm(), quoted(dir)))
		}
	}
	return texts
}

// directoriesAround returns the directories above the file at path, from the nearest to
// the root, and those above the file that a symbolic link at path leads to.
func directoriesAround(path string) (dirs []string) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil
	}
	here, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return nil
	}
	for _, dir := range []string{filepath.Dir(target), here} {
		if dir, err = filepath.Abs(dir); err != nil {
			continue
		}
		for ; !slices.Contains(dirs, dir); dir = filepath.Dir(dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// quoted is how a shell takes a path for one word.
func quoted(path string) string {
	special := func(r rune) bool { return !strconv.IsPrint(r) || strings.ContainsRune(" '\"\\$`&;|<>()*?[]#~!{}", r) }
	if !strings.ContainsFunc(path, special) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
