package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/kumotrail/kumotrail/adapters/telemetry"
)

// Set by the linker; a build without says what Go knows.
var version, commit string

type versionCommand struct{}

func (versionCommand) Run() error {
	b := build()
	fmt.Printf("kumotrail %s\ncommit %s\n%s %s/%s\n", b.Version, b.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// build says which program this is, "unknown" what is not known.
func build() telemetry.Build {
	v, c := version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		if v == "" {
			v = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && c == "" {
				c = s.Value
			}
		}
	}
	return telemetry.Build{Version: orUnknown(v), Commit: orUnknown(c)}
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
