package natsbus

import (
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// encoder makes messages, each in the memory of the one before.
type encoder struct {
	payload payload
	msg     nats.Msg
	id      []string
}

func newEncoder() *encoder {
	e := &encoder{id: make([]string, 1)}
	e.msg.Header = nats.Header{jetstream.MsgIDHeader: e.id}
	return e
}

// headerSize is that of "NATS/1.0\r\nNats-Msg-Id: <id>\r\n\r\n".
const headerSize = len("NATS/1.0\r\n") + len(jetstream.MsgIDHeader) + len(": ") + 36 + len("\r\n\r\n")

func (e *encoder) size() int { return headerSize + len(e.payload.b) }

// encode returns the message for a, truncated if it is larger than limit. It is
// valid until the next call.
func (e *encoder) encode(a *ports.Announced, limit int64) *nats.Msg {
	id := a.ID().String()
	e.payload.b, e.payload.truncated = e.payload.b[:0], false
	e.payload.write(a, id)
	if int64(e.size()) > limit {
		// A new buffer, so that one huge event does not hold its memory forever.
		e.payload = payload{truncated: true}
		e.payload.write(a, id)
	}
	e.id[0] = id
	e.msg.Subject = subjectOf(a)
	e.msg.Data = e.payload.b
	return &e.msg
}

var eventSubjects = func() []string {
	s := make([]string, len(domain.EventTypes()))
	for _, t := range domain.EventTypes() {
		s[t] = "kumomta.event." + t.String()
	}
	return s
}()

func subjectOf(a *ports.Announced) string {
	if a.Change != nil {
		return "kumomta." + a.Type()
	}
	t := a.Event.Type
	if int(t) >= len(eventSubjects) {
		t = domain.Unknown
	}
	return eventSubjects[t]
}
