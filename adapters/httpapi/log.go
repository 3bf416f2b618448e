package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// logAnswer is one log with what happened to its message. Events may be gone
// before their log is.
type logAnswer struct {
	logLine
	Timeline []eventLine `json:"timeline"`
}

// eventLine is one event of a timeline. What is not known is null.
type eventLine struct {
	EventID      string    `json:"event_id"`
	Type         string    `json:"type"`
	RecordType   string    `json:"record_type"`
	OccurredAt   *string   `json:"occurred_at"`
	ReceivedAt   *string   `json:"received_at"`
	Attempts     int       `json:"attempts"` // before this one
	SMTP         smtpLine  `json:"smtp"`
	Site         *string   `json:"site"`
	Peer         *peerLine `json:"peer"`
	EgressSource *string   `json:"egress_source"`
	NodeID       *string   `json:"node_id"`

	verdictLine
	Classification *string       `json:"classification"` // KumoMTA's own
	ResponseHash   *string       `json:"response_hash"`
	Provider       *string       `json:"provider"`
	TransferID     *string       `json:"transfer_id"`
	FeedbackType   *string       `json:"feedback_type"`
	Original       *originalLine `json:"original"` // of a report
}

// originalLine is the message that a report is tied to.
type originalLine struct {
	MessageID  string   `json:"message_id"`
	Recipients []string `json:"recipients"`
	TiedBy     string   `json:"tied_by"`
	Confidence string   `json:"confidence"`
}

// smtpLine is what the other side answered, and to what.
type smtpLine struct {
	Code         *int    `json:"code"`
	EnhancedCode *string `json:"enhanced_code"`
	Response     *string `json:"response"`
	Command      *string `json:"command"`
}

// peerLine is the other side.
type peerLine struct {
	Name    *string `json:"name"`
	Address *string `json:"address"`
}

func newEventLine(e *domain.EmailEvent) eventLine {
	line := eventLine{
		EventID: e.ID.String(), Type: e.Type.String(), RecordType: e.RecordType,
		OccurredAt: knownTime(e.OccurredAt), ReceivedAt: knownTime(e.ReceivedAt), Attempts: e.Attempts,
		SMTP: smtpLine{
			EnhancedCode: known(e.Response.Enhanced.String()),
			Response:     known(e.Response.Content), Command: known(e.Response.Command),
		},
		Site: known(e.Site), EgressSource: known(e.EgressSource), NodeID: known(e.NodeID),
		verdictLine: newVerdictLine(&e.Verdict), Classification: known(e.Classification),
		ResponseHash: knownHash(e.ResponseHash), Provider: known(e.Provider), TransferID: known(e.TransferID),
	}
	if e.Report != nil {
		line.FeedbackType = known(e.Report.FeedbackType)
	}
	if o := e.Original; o != nil {
		line.Original = &originalLine{o.MessageID, append([]string{}, o.Recipients...), string(o.By), string(o.By.Confidence())}
	}
	if e.Response.Code != 0 {
		line.SMTP.Code = &e.Response.Code
	}
	if e.PeerName != "" || e.PeerAddress != "" {
		line.Peer = &peerLine{known(e.PeerName), known(e.PeerAddress)}
	}
	return line
}

// ambiguity is the problem of an id that means several logs.
type ambiguity struct {
	problem
	Candidates []logLine `json:"candidates"`
}

// maxID is the length of an id that is looked up, in bytes.
const maxID = 1024

// one answers with the log that an id means: the log's own, the application's,
// or the message's.
func (r *reads) one(c *gin.Context) {
	id := c.Param("id")
	if err := newQuery(c.Request.URL.RawQuery).err(); err != nil {
		fail(c, http.StatusBadRequest, err.Error()+".")
		return
	}
	if len(id) > maxID {
		fail(c, http.StatusBadRequest, "The id is longer than 1024 bytes.")
		return
	}
	found, err := r.lookup.Lookup(c.Request.Context(), id)
	switch {
	case errors.Is(err, ports.ErrNotFound):
		fail(c, http.StatusNotFound, "No log has this id. It is a log's own, the application's (X-Email-Log-ID) or a message_id; "+
			"a message that was just sent may have none yet.")
	case err != nil:
		failWith(c, r.log, err)
	case len(found.Candidates) > 1:
		r.ambiguous(c, found.Candidates)
	default:
		c.JSON(http.StatusOK, newLogAnswer(found))
	}
}

func newLogAnswer(found application.Found) logAnswer {
	answer := logAnswer{newLogLine(&found.Candidates[0]), make([]eventLine, len(found.Timeline))}
	for i := range found.Timeline {
		answer.Timeline[i] = newEventLine(&found.Timeline[i])
	}
	return answer
}

func (r *reads) ambiguous(c *gin.Context, logs []domain.EmailLog) {
	detail := "Several logs have this id. Ask for one of the candidates by its own id."
	if len(logs) == application.MaxCandidates {
		detail = "Many logs have this id, of which the candidates are the latest. Ask for one by its own id, " +
			"or export all by message_id or id."
	}
	a := ambiguity{
		problem{"about:blank", http.StatusText(http.StatusConflict), http.StatusConflict, detail},
		make([]logLine, len(logs)),
	}
	for i := range logs {
		a.Candidates[i] = newLogLine(&logs[i])
	}
	body, err := json.Marshal(a)
	if err != nil {
		failWith(c, r.log, err)
		return
	}
	c.Data(http.StatusConflict, "application/problem+json", body)
}
