package httpapi

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// reads answers questions about what is kept.
type reads struct {
	logs   ports.LogReader
	lookup *application.Lookup
	log    *slog.Logger
}

// logLine is one log in an export. What is not known is null.
type logLine struct {
	ID            string  `json:"id"`
	MessageID     string  `json:"message_id"`
	ApplicationID *string `json:"application_id"`
	Recipient     string  `json:"recipient"`
	Sender        *string `json:"sender"`
	Status        string  `json:"status"`
	AcceptedAt    *string `json:"accepted_at"`
	DeliveredAt   *string `json:"delivered_at"`
	FailedAt      *string `json:"failed_at"`
	ComplainedAt  *string `json:"complained_at"`
	Attempts      int     `json:"attempts"`
	SMTPCode      int     `json:"smtp_code"`
	EnhancedCode  *string `json:"enhanced_code"`
	Response      *string `json:"response"`
	verdictLine
	ResponseHash *string `json:"response_hash"`
	Tenant       *string `json:"tenant"`
	Campaign     *string `json:"campaign"`
	Provider     *string `json:"provider"`
	EgressSource *string `json:"egress_source"`
	Size         int64   `json:"size"`
	Confidence   *string `json:"confidence"` // of the tie, where a report decided
	PriorID      *string `json:"prior_id"`   // message ids before and after a transfer
	NextID       *string `json:"next_id"`
	OfReport     bool    `json:"of_report"` // the message is a report, no mail
}

// verdictLine is what a failure means, null for none.
type verdictLine struct {
	Cause      *string `json:"cause"`
	Subcause   *string `json:"subcause"`
	Permanence *string `json:"permanence"`
	Fault      *string `json:"fault"`
	Rule       *string `json:"rule"`
}

func newVerdictLine(v *domain.Verdict) verdictLine {
	return verdictLine{
		known(string(v.Cause)), known(string(v.Subcause)), known(string(v.Permanence)),
		known(string(v.Fault)), known(v.Rule),
	}
}

// knownHash writes a hash as 16 hexadecimal digits.
func knownHash(h uint64) *string {
	if h == 0 {
		return nil
	}
	s := fmt.Sprintf("%016x", h)
	return &s
}

func newLogLine(l *domain.EmailLog) logLine {
	return logLine{
		ID: l.Key.String(), MessageID: l.MessageID, ApplicationID: known(l.ApplicationID),
		Recipient: l.Recipient, Sender: known(l.Sender), Status: l.Status().String(),
		AcceptedAt: knownTime(l.AcceptedAt), DeliveredAt: knownTime(l.DeliveredAt),
		FailedAt: knownTime(l.FailedAt), ComplainedAt: knownTime(l.ComplainedAt),
		Attempts: l.Attempts, SMTPCode: l.Decision.Code,
		EnhancedCode: known(l.Decision.Enhanced.String()), Response: known(l.Decision.Response),
		Tenant: known(l.Tenant), Campaign: known(l.Campaign), Provider: known(l.Provider),
		EgressSource: known(l.EgressSource), Size: l.Size,
		verdictLine: newVerdictLine(&l.Decision.Verdict), ResponseHash: knownHash(l.Decision.ResponseHash),
		Confidence: known(string(l.Decision.Confidence)),
		PriorID:    known(l.PriorID), NextID: known(l.NextID), OfReport: l.OfReport,
	}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func knownTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	return &s
}

// writeWithin is how long a client may take for the next piece of a stream.
const writeWithin = 30 * time.Second

// export streams logs as lines of JSON. Where the store fails on the way the
// connection breaks, so that a cut export cannot be taken for a whole one.
func (r *reads) export(c *gin.Context) {
	q := newQuery(c.Request.URL.RawQuery, append([]string{"format"}, filterNames...)...)
	q.oneOf("format", "ndjson")
	filter := q.filter()
	if err := q.err(); err != nil {
		fail(c, http.StatusBadRequest, err.Error()+".")
		return
	}
	stream := newLineStream(c)
	for l, err := range r.logs.Logs(c.Request.Context(), filter) {
		if err != nil && !c.Writer.Written() {
			failWith(c, r.log, err)
			return
		}
		if err == nil {
			line := newLogLine(&l)
			err = stream.write(&line)
		}
		if err != nil {
			r.log.Warn("an export was cut off", "lines", stream.lines, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := stream.end(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// lineStream writes lines of JSON, each piece within writeWithin.
type lineStream struct {
	control *http.ResponseController
	buffer  *bufio.Writer
	encoder *json.Encoder
	lines   int
}

func newLineStream(c *gin.Context) *lineStream {
	c.Header("Content-Type", "application/x-ndjson")
	s := &lineStream{control: http.NewResponseController(c.Writer), buffer: bufio.NewWriterSize(c.Writer, 64<<10)}
	s.encoder = json.NewEncoder(s.buffer)
	s.encoder.SetEscapeHTML(false)
	return s
}

func (s *lineStream) write(line any) error {
	if s.lines%100 == 0 {
		// Not every writer has deadlines; then there is none.
		_ = s.control.SetWriteDeadline(time.Now().Add(writeWithin))
	}
	s.lines++
	return s.encoder.Encode(line)
}

func (s *lineStream) end() error { return s.buffer.Flush() }
