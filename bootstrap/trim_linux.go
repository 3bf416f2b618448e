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
// mapped. They stay in the system's cache of files. Breakpoints are in copies of
// such pages, so nothing is done under a debugger.
func unmapProgram() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil || !strings.Contains(string(status), "\nTracerPid:\t0\n") {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		if from, size, ok := constantPages(line, program); ok {
			_, _, failed := syscall.Syscall(syscall.SYS_MADVISE, from, size, syscall.MADV_DONTNEED)
			if failed != 0 {
				err = errors.Join(err, failed)
			}
		}
	}
	return err
}

// constantPages says where a mapping is, if it is one of the program's file that
// nobody can write to; such as have been written to cannot be read again. A line
// is "from-to permissions offset device inode path", see proc_pid_maps(5).
func constantPages(line, program string) (from, size uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || !strings.Contains(line, " "+program) || fields[1] != "r-xp" && fields[1] != "r--p" {
		return 0, 0, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	start, err := strconv.ParseUint(first, 16, strconv.IntSize)
	end, endErr := strconv.ParseUint(last, 16, strconv.IntSize)
	return uintptr(start), uintptr(end - start), err == nil && endErr == nil
}
