package ports

import (
	"iter"

	"github.com/kumotrail/kumotrail/domain"
)

// Batch is some records of what was received, decoded.
type Batch struct {
	Events  []domain.EmailEvent // as in Unit, ReceivedAt not set
	Rejects []domain.Reject     // ReceivedAt not set
	Records int                 // both kinds; a record counts once whatever its parts
	Values  int                 // complete JSON values among them
}

// RecordDecoder makes events of bytes. It never fails: what cannot be taken is
// a Reject, and its neighbours are not affected. Secrets are gone from all it
// returns.
type RecordDecoder interface {
	// Decode reads text, that is one record, an array of records or one record
	// a line, in batches of bounded size. Events share memory with text.
	Decode(text string) iter.Seq[Batch]
}
