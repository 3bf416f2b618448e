package bootstrap

import (
	"os"
	"strconv"
	"strings"
	"testing"
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

func TestOnlyConstantPagesOfTheProgramAreUnmapped(t *testing.T) {
	const program = "/opt/kumo trail/kumotrail"
	for line, want := range map[string]bool{
		"00400000-01d2b000 r-xp 00000000 fe:00 1 " + program:                               true,
		"01d2c000-03719000 r--p 0192c000 fe:00 1                        " + program + "\n": true,
		"01d2c000-03719000 r--p 0192c000 fe:00 1 " + program + " (deleted)\n":              true,
		"03719000-03802000 rw-p 03319000 fe:00 1 " + program:                               false,
		"7fd0a42f8000-7fd0a4300000 rw-s 00000000 fe:00 2 /srv/kumotrail.db-shm":            false,
		"7fd0a42f8000-7fd0a4300000 r--p 00000000 fe:00 3 /usr/lib/libc.so.6":               false,
		"7ffc5a9f1000-7ffc5a9f5000 r--p 00000000 00:00 0 [vvar]":                           false,
		"7fd0eb29f000-7fd0eb2a1000 r--p 00000000 00:00 0":                                  false,
		"": false,
	} {
		if _, _, got := constantPages(line, program); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
	from, size, _ := constantPages("00400000-01d2b000 r-xp 00000000 fe:00 1 "+program, program)
	if from != 0x400000 || size != 0x192b000 {
		t.Errorf("got %d bytes from %#x", size, from)
	}
}
