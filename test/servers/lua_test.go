//go:build !embedded

package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestLuaIsThatOfKumoMTA(t *testing.T) {
	for _, path := range []string{Lua(t), Luac(t)} {
		said, err := exec.Command(path, "-v").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(said), "Lua 5.4") {
			t.Errorf("%s says %q, %v", path, said, err)
		}
	}
}

// program writes an executable that says something.
func program(t *testing.T, folder, name, says string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '"+says+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLuaOfAnotherReleaseIsNotTaken(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	program(t, folder, "lua", "Lua 5.1.5  Copyright")
	if path, err := findLua("lua"); err == nil || !strings.Contains(err.Error(), "apt-get install lua5.4") {
		t.Errorf("got %q, %v, want the command that installs it", path, err)
	}
	plain := program(t, folder, "lua", "Lua 5.4.6  Copyright")
	if path, err := findLua("lua"); err != nil || path != plain {
		t.Errorf("got %q, %v, want the one that is 5.4", path, err)
	}
	named := program(t, folder, "lua5.4", "")
	if path, err := findLua("lua"); err != nil || path != named {
		t.Errorf("got %q, %v, want the one by Debian's name", path, err)
	}
}
