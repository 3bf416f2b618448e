package natsbus

import (
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// legacy publishes records as they came, for subscribers from before the
// stream. Nobody acknowledges them.
type legacy struct {
	conn    *Conn
	subject string
	skipped sync.Once
}

// publish sends the record of each acknowledged event once.
func (l *legacy) publish(events []ports.Announced, acked []bool) {
	limit := l.conn.nc.MaxPayload()
	lost := 0
	var reason error
	for i, a := range events {
		if !acked[i] || a.Event == nil || a.Event.Part != 0 || a.Event.Raw == "" {
			continue
		}
		if size := len(a.Event.Raw); int64(size) > limit {
			l.skipped.Do(func() {
				l.conn.log.Warn("record is too large for the legacy subject and is left out there, as later ones will be",
					"bytes", size, "limit", limit)
			})
			continue
		}
		if err := l.conn.nc.Publish(l.subject, []byte(a.Event.Raw)); err != nil {
			lost, reason = lost+1, err
		}
	}
	if lost > 0 {
		l.conn.log.Warn("records not published on the legacy subject", "records", lost, "reason", reason)
	}
}
