package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/concrete-security/auth-service/internal/cli"
)

// release is set by the linker for released binaries.
var release string

// versionInfo says what a binary was built from.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func version() versionInfo {
	build, _ := debug.ReadBuildInfo()
	return versionOf(release, build)
}

// versionOf prefers the release's own word, then the module's version that
// `go install …@v1.2.3` records, then says that it was built from a tree.
func versionOf(release string, build *debug.BuildInfo) versionInfo {
	v := versionInfo{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if build == nil {
		build = &debug.BuildInfo{}
	}
	if v.Version == "" && build.Main.Version != "(devel)" {
		v.Version = build.Main.Version
	}
	if v.Version == "" {
		v.Version = "devel"
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

// printVersion prints the version.
func printVersion(p *process, c *cli.Version) error {
	v := version()
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(p.stdout, "auth-service %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	return err
}
