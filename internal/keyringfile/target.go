package keyringfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concrete-security/auth-service/internal/setting"
)

// maxLinks is how many links are followed to a file that does not exist yet.
const maxLinks = 40

// target returns the path of the file that path leads to, with all links followed. A
// new file must not take the place of a link to it.
func target(path string) (string, error) {
	if path == "" {
		return "", setting.Invalid("no keyring is named; use --keyring PATH")
	}
	at := path
	for range maxLinks {
		resolved, err := filepath.EvalSymlinks(at)
		if err == nil {
			return resolved, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			if _, failed := os.Stat(at); failed != nil {
				err = failed // which has a number, also of links in a circle
			}
			return "", withPath(at, err)
		}
		folder, err := filepath.EvalSymlinks(filepath.Dir(at))
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: the folder %s does not exist; make it first", path, filepath.Dir(at))
		}
		if err != nil {
			return "", withPath(at, err)
		}
		at = filepath.Join(folder, filepath.Base(at))
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return at, nil
		case err != nil:
			return "", withPath(at, err)
		case info.Mode().Type() != fs.ModeSymlink:
			continue // another process has made it meanwhile
		}
		link, err := os.Readlink(at)
		if err != nil {
			return "", withPath(at, err)
		}
		if at = link; !filepath.IsAbs(link) {
			at = filepath.Join(folder, link)
		}
	}
	return "", setting.Invalid("%s: too many links", path)
}
