package sqlstore

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// chooseByText asks for the texts that a filter names.
func chooseByText(q *bun.SelectQuery, f ports.LogFilter) *bun.SelectQuery {
	for _, equal := range []struct{ column, value string }{
		{"message_id", domain.NormalizeMessageID(f.MessageID)},
		{"recipient", domain.NormalizeRecipient(f.Recipient)},
		{"application_id", f.ApplicationID},
		{"tenant", f.Tenant},
		{"campaign", f.Campaign},
	} {
		if equal.value != "" {
			q = q.Where("? = ?", bun.Ident(equal.column), equal.value)
		}
	}
	return q
}

// ceilMicro rounds a bound up: stored times have no part below microseconds.
func ceilMicro(t time.Time) int64 {
	return t.Add(time.Microsecond - 1).UnixMicro()
}
