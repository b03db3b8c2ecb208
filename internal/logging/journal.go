package logging

import (
	"bytes"
	"io"
)

// journal puts a line's priority, as of syslog(3), in front of it.
type journal struct{ to io.Writer }

// ErrorPriority is what stands in front of a line that tells of an error.
const ErrorPriority = "<3>"

// priorities are by how a line begins.
var priorities = []struct{ level, prefix string }{
	{"level=DEBUG", "<7>"}, {"level=INFO", "<6>"}, {"level=WARN", "<4>"}, {"level=ERROR", ErrorPriority},
}

// Write writes a line.
func (j journal) Write(line []byte) (int, error) {
	prefix := "<2>" // of what is above ERROR
	for _, p := range priorities {
		if bytes.HasPrefix(line, []byte(p.level+" ")) || bytes.HasPrefix(line, []byte(p.level+"ING ")) {
			prefix = p.prefix
		}
	}
	if _, err := j.to.Write(append([]byte(prefix), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
