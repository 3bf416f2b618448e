package memory_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

type segmentsHarness struct{ memory.Segments }

func (segmentsHarness) File(name string) string { return name }

func TestSegmentsKeepContract(t *testing.T) {
	contract.TestSegments(t, func(_ *testing.T, files map[string]string) contract.SegmentsHarness {
		return segmentsHarness{memory.NewSegments(files, 100)}
	})
}

func TestCheckpointKeepsContract(t *testing.T) {
	contract.TestCheckpoint(t, func(*testing.T) ports.Checkpoint { return memory.NewCheckpoint() })
}
