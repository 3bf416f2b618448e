package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Likenesses finds messages and reports that may be about each other, though
// neither names the other: see domain.Likeness. Recipients are as
// domain.FoldAddress returns them. None is an empty slice and a nil error; so it
// is for a recipient that no event can have, with a NUL in it or broken UTF-8.
type Likenesses interface {
	// LogsTo returns up to limit (1 or more) of the logs of mail to the recipient,
	// in whatever case of ASCII letters, that were accepted in [from, to), greatest
	// key first. Logs that are not confirmed are not among them.
	LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error)
	// ReportsOn returns up to limit (1 or more) of the reports whose likeness has
	// the recipient and whose ids have a time in [from, to), rounded up to
	// milliseconds, least id first, whole as LogReader.Events does.
	ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error)
}
