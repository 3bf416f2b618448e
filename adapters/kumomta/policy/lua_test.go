//go:build !embedded

package policy

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/servers"
)

func TestLuaReadsBackWhatWasQuoted(t *testing.T) {
	texts := slices.Clone(odd)
	for b := range 256 { // each byte, and one more behind it that could be taken for a digit
		texts = append(texts, string([]byte{byte(b), '1'}))
	}
	var program strings.Builder
	var want []string
	for _, text := range texts {
		fmt.Fprintf(&program, "print((%s):gsub('.', function(c) return ('%%02x'):format(c:byte()) end))\n", quoteLua(text))
		want = append(want, fmt.Sprintf("%s\t%d", hex.EncodeToString([]byte(text)), len(text)))
	}
	command := exec.Command(servers.Lua(t), "-")
	command.Stdin = strings.NewReader(program.String())
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestEveryLuaFileCompiles(t *testing.T) {
	luac := servers.Luac(t)
	for name, o := range sets() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Write(dir, o, RefuseEdited); err != nil {
				t.Fatal(err)
			}
			files := must(Files(o))
			for _, file := range slices.Sorted(maps.Keys(files)) {
				if !strings.HasSuffix(file, ".lua") {
					continue
				}
				if out, err := exec.Command(luac, "-p", place(dir, file)).CombinedOutput(); err != nil {
					t.Errorf("%s: %v: %s", file, err, out)
				}
			}
		})
	}
}

// A global would be shared by what happens to run in one of KumoMTA's contexts.
func TestLuaSetsNoGlobal(t *testing.T) {
	dir := t.TempDir()
	if _, err := Write(dir, sets()["everything"], RefuseEdited); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "policy", "*.lua"))
	if err != nil || len(files) != 4 {
		t.Fatalf("got %q, %v", files, err)
	}
	bad := filepath.Join(dir, "bad.lua")
	if err := os.WriteFile(bad, []byte("x = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if globalsSet(t, bad) == "" {
		t.Fatal("a file that sets a global is not found")
	}
	for _, file := range append(files, filepath.Join(dir, "init.lua")) {
		if set := globalsSet(t, file); set != "" {
			t.Errorf("%s: %s", file, set)
		}
	}
}

// globalsSet returns the instructions that set a field of _ENV.
func globalsSet(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command(servers.Luac(t), "-l", "-p", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var set []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "SETTABUP") && strings.Contains(line, "_ENV") {
			set = append(set, line)
		}
	}
	return strings.Join(set, "")
}
