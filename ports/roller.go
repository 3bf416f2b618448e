package ports

import "context"

// Roller sums up and lists what was committed, so that StatsReader and LogPages
// need not read all of it.
type Roller interface {
	// Roll sums up some of what waits for it, which changes no answer, and says
	// whether there is more. Beside another Roll it may do nothing: that it is
	// called again and again is enough, by any number of processes. What an end
	// of the process breaks off is done by a later one.
	Roll(ctx context.Context) (more bool, err error)
}
