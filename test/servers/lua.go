package servers

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// Lua returns the path of the Lua 5.4 interpreter.
func Lua(tb testing.TB) string {
	tb.Helper()
	return luaProgram(tb, "lua")
}

// Luac returns the path of the Lua 5.4 compiler.
func Luac(tb testing.TB) string {
	tb.Helper()
	return luaProgram(tb, "luac")
}

func luaProgram(tb testing.TB, name string) string {
	tb.Helper()
	path, err := findLua(name)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// findLua finds a program of Lua by Debian's name, else by the plain one, which
// must say that it is 5.4.
func findLua(name string) (string, error) {
	if path, err := exec.LookPath(name + "5.4"); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath(name); err == nil {
		if said, err := exec.Command(path, "-v").CombinedOutput(); err == nil && strings.HasPrefix(string(said), "Lua 5.4") {
			return path, nil
		}
	}
	return "", errors.New("Lua 5.4 is not installed: apt-get install lua5.4")
}
