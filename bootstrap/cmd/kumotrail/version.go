package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker; a build without says what Go knows.
var version, commit string

type versionCommand struct{}

func (versionCommand) Run() error {
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
	fmt.Printf("kumotrail %s\ncommit %s\n%s %s/%s\n", orUnknown(v), orUnknown(c), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
