package httpapi

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
)

// eventsWithin is how long a client may take for one write of events, which has
// some hundred of them at most.
const eventsWithin = 10 * time.Second

// eventStream writes server-sent events (WHATWG HTML, section 9.2). Each write is
// flushed and has its own deadline.
type eventStream struct {
	c       *gin.Context
	control *http.ResponseController
	begun   bool
}

func newEventStream(c *gin.Context) *eventStream {
	return &eventStream{c: c, control: http.NewResponseController(c.Writer)}
}

// buffers are shared: of 1,000 clients only some are written to at a time.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// tell writes what was heard. An id without data is no event to a client, but
// the place where it goes on after a lost connection: so who hears little has
// not to be told again from far back.
func (s *eventStream) tell(heard application.Heard) error {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	first := !s.begun
	if first {
		s.begin()
		// Not all come back at once when the service does.
		line(b, "retry: ", strconv.Itoa(1000+rand.IntN(4000)))
		line(b, ": listening")
	}
	switch {
	case heard.Reset:
		if first {
			b.WriteByte('\n') // a place of its own only with the reset
		}
		writeID(b, heard.Sequence)
		line(b, "event: reset")
		line(b, `data: {"detail":"Events since the last one are no longer there. The stream goes on from here; GET `,
			apiBase, `/logs/export has what became of all messages."}`)
	case first:
		writeID(b, heard.Sequence)
	case len(heard.Messages) == 0:
		line(b, ": still listening")
		writeID(b, heard.Sequence)
	}
	for i := range heard.Messages {
		m := &heard.Messages[i]
		writeID(b, m.Sequence)
		line(b, "event: ", m.Type)
		writeData(b, m.Payload)
		b.WriteByte('\n')
	}
	if len(heard.Messages) == 0 {
		b.WriteByte('\n')
	}
	return s.write(b.Bytes())
}

// begin sets the headers, and lifts the time limit of the request: the server
// would take it for the end of the client.
func (s *eventStream) begin() {
	s.begun = true
	header := s.c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would keep events back
	// Not every writer has deadlines; then there is none.
	_ = s.control.SetReadDeadline(time.Time{})
}

// end writes the last event, if the client takes it.
func (s *eventStream) end(reason, detail string) {
	var b bytes.Buffer
	line(&b, "event: end")
	line(&b, `data: {"reason":"`, reason, `","detail":"`, detail, `"}`)
	b.WriteByte('\n')
	_ = s.write(b.Bytes())
}

func (s *eventStream) write(text []byte) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(eventsWithin))
	if _, err := s.c.Writer.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}

func line(b *bytes.Buffer, parts ...string) {
	for _, p := range parts {
		b.WriteString(p)
	}
	b.WriteByte('\n')
}

func writeID(b *bytes.Buffer, sequence uint64) {
	b.WriteString("id: ")
	b.Write(strconv.AppendUint(b.AvailableBuffer(), sequence, 10))
	b.WriteByte('\n')
}

// writeData writes a payload; one of several lines, which in JSON is the same
// with other white space, as several.
func writeData(b *bytes.Buffer, payload []byte) {
	const field = "data: "
	if bytes.IndexByte(payload, '\n') >= 0 || bytes.IndexByte(payload, '\r') >= 0 {
		payload = bytes.ReplaceAll(payload, []byte("\r"), []byte("\n"))
		payload = bytes.ReplaceAll(payload, []byte("\n"), []byte("\n"+field))
	}
	b.WriteString(field)
	b.Write(payload)
	b.WriteByte('\n')
}
