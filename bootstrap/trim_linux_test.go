package bootstrap

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProgramIsUnmappedAndGoesOn(t *testing.T) {
	before := mappedFilePages(t)
	if err := unmapProgram(); err != nil {
		t.Fatal(err)
	}
	if after := mappedFilePages(t); after >= before {
		t.Errorf("%d pages of files are mapped, %d before", after, before)
	}
}

func mappedFilePages(t *testing.T) int {
	t.Helper()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.Fields(string(statm))[2])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOnlyMappingsAsInTheProgramsFileAreUnmapped(t *testing.T) {
	const program = "/opt/kumo trail/kumotrail"
	const asInFile, changed = "Rss:  8 kB\nAnonymous:             0 kB\nVmFlags: rd ex mr\n", "Rss:  8 kB\nAnonymous:             4 kB\nVmFlags: rd ex mr\n"
	for name, c := range map[string]struct {
		line, figures string
		want          []mapping
	}{
		"code":               {"00400000-01d2b000 r-xp 00000000 fe:00 1 " + program, asInFile, []mapping{{0x400000, 0x192b000}}},
		"constants":          {"01d2c000-01d2e000 r--p 0192c000 fe:00 1                        " + program, asInFile, []mapping{{0x1d2c000, 0x2000}}},
		"replaced file":      {"01d2c000-01d2e000 r--p 0192c000 fe:00 1 " + program + " (deleted)", asInFile, []mapping{{0x1d2c000, 0x2000}}},
		"relocated":          {"01d2c000-01d2e000 r--p 0192c000 fe:00 1 " + program, changed, nil},
		"with a breakpoint":  {"00400000-01d2b000 r-xp 00000000 fe:00 1 " + program, changed, nil},
		"variables":          {"03719000-03802000 rw-p 03319000 fe:00 1 " + program, asInFile, nil},
		"shared memory":      {"7fd0a42f8000-7fd0a4300000 rw-s 00000000 fe:00 2 /srv/kumotrail.db-shm", asInFile, nil},
		"a library":          {"7fd0a42f8000-7fd0a4300000 r--p 00000000 fe:00 3 /usr/lib/libc.so.6", asInFile, nil},
		"the kernel's":       {"7ffc5a9f1000-7ffc5a9f5000 r--p 00000000 00:00 0 [vvar]", asInFile, nil},
		"nobody's":           {"7fd0eb29f000-7fd0eb2a1000 r--p 00000000 00:00 0", asInFile, nil},
		"without any figure": {"00400000-01d2b000 r-xp 00000000 fe:00 1 " + program, "", nil},
	} {
		others := "7f0000000000-7f0000001000 r--p 00000000 00:00 0 [vvar]\n" + asInFile
		got := constantMappings(c.line+"\n"+c.figures+others, program)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(mapping{})); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// A program that is loaded at any address has relocated constants.
func TestRelocatedProgramGoesOn(t *testing.T) {
	const source = `package main

import "fmt"

var names = []func() string{func() string { return "it goes" }, func() string { return " on" }}

func main() {
	if err := unmapProgram(); err != nil {
		panic(err)
	}
	fmt.Print(names[0](), names[1]())
}
`
	dir := t.TempDir()
	trim, err := os.ReadFile("trim_linux.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": "module relocated\n\ngo 1.26\n", "main.go": source,
		"trim_linux.go": strings.Replace(string(trim), "package bootstrap", "package main", 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), "go", "run", "-buildmode=pie", ".")
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil || string(out) != "it goes on" {
		t.Errorf("%v: %s", err, out)
	}
}
