//go:build !linux

package bootstrap

import "runtime/debug"

// trimMemory gives back to the system what only the start needed.
func trimMemory() { debug.FreeOSMemory() }
