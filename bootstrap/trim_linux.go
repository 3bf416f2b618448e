package bootstrap

import (
	"errors"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// trimMemory gives back to the system what only the start needed: of the heap 2
// MB of 13, what reading the rule book and describing the API took, and of the
// program's own pages, which initialization goes through from end to end, 10 to
// 16 MB of 35. What of those is needed again is mapped again when it is.
func trimMemory() {
	debug.FreeOSMemory()
	_ = unmapProgram() // it is of no consequence
}

// unmapProgram lets go of the pages of the program's code and constants that are
// mapped. They stay in the system's cache of files. Mappings with pages that are no
// longer as in the file are left alone: relocated ones, or those with breakpoints.
func unmapProgram() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	for _, m := range constantMappings(string(maps), program) {
		_, _, failed := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.size, syscall.MADV_DONTNEED)
		if failed != 0 {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// mapping is a range of addresses.
type mapping struct{ from, size uintptr }

// constantMappings returns those of the program's file that nobody can write to and
// that are all as in the file. For each mapping there is a line "from-to permissions
// offset device inode path" and behind it lines of figures, of which Anonymous is
// what is not as in the file: see proc_pid_smaps(5).
func constantMappings(smaps, program string) (constant []mapping) {
	var last mapping
	ofProgram := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 6:
			last, ofProgram = mappingOf(fields[0]), strings.Contains(line, " "+program) && (fields[1] == "r-xp" || fields[1] == "r--p")
		case ofProgram && line == "Anonymous:             0 kB\n":
			constant = append(constant, last)
		}
	}
	return constant
}

// mappingOf reads "from-to" in hexadecimal digits, as the kernel writes it.
func mappingOf(text string) mapping {
	from, to, _ := strings.Cut(text, "-")
	start, _ := strconv.ParseUint(from, 16, strconv.IntSize)
	end, _ := strconv.ParseUint(to, 16, strconv.IntSize)
	return mapping{uintptr(start), uintptr(end - start)}
}
