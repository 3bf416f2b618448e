package contract_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/test/contract"
)

// faultVariable names the fault that TestSuites puts into its store. A suite
// that fails ends its process, so each fault is tried in one of its own.
const faultVariable = "KUMOTRAIL_CONTRACT_FAULT"

// TestSuites runs all suites on a store that is sound unless a fault is asked
// for.
func TestSuites(t *testing.T) {
	breaks := func(*broken) {}
	for _, f := range slices.Concat(faults, meaningFaults, vitalsFaults, listFaults, statsFaults, likenessFaults) {
		if f.fault == os.Getenv(faultVariable) {
			breaks = f.breaks
		}
	}
	contract.TestStore(t, func(*testing.T) contract.Store {
		b := sound(memory.NewStore())
		breaks(b)
		return b
	})
}

func TestSuitesRejectBrokenStores(t *testing.T) {
	for _, f := range slices.Concat(faults, meaningFaults, vitalsFaults, listFaults, statsFaults, likenessFaults) {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestSuites/"+f.story)
		})
	}
}

// rejects fails t unless the story fails on a fault, in a process of its own.
func rejects(t *testing.T, fault, story string) {
	t.Helper()
	run := "^" + strings.ReplaceAll(story, "/", "$/^") + "$"
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+run, "-test.timeout=2m",
		"-rapid.checks=1000", "-rapid.shrinktime=0s", "-rapid.nofailfile")
	cmd.Env = append(os.Environ(), faultVariable+"="+fault)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: "+story) || strings.Contains(string(out), "panic:") {
		t.Fatalf("story %s on a store that %s: error %v, want it to fail; it said\n%s", story, fault, err, out)
	}
}
