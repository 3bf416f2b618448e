package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// logWithTimeline is one log with what happened to its message. Events may be
// gone before their log is.
type logWithTimeline struct {
	LogLine
	Timeline  []storyEvent `json:"timeline" doc:"What happened, in order of time, on all nodes that the message was transferred between. Events are kept for RETENTION_DAYS, logs longer."`
	Transfers []LogLine    `json:"transfers" doc:"The logs of the message under the ids that it had on other nodes, nearest first."`

	Registration *RegistrationLine `json:"registration" doc:"What the application said of the message when it registered it."`
}

// TransformSchema implements huma.SchemaTransformer.
func (logWithTimeline) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["registration"] = orNull(s.Properties["registration"])
	return s
}

// eventLine is one event of a timeline. What is not known is null.
type eventLine struct {
	EventID      string    `json:"event_id" format:"uuid"`
	Type         string    `json:"type" doc:"As in the subjects of the stream: delivery, transient_failure and so on."`
	RecordType   string    `json:"record_type" doc:"As KumoMTA calls it."`
	OccurredAt   *string   `json:"occurred_at" format:"date-time"`
	ReceivedAt   *string   `json:"received_at" format:"date-time" doc:"When the record came here."`
	Attempts     int       `json:"attempts" doc:"How many there were before this one."`
	SMTP         smtpLine  `json:"smtp" doc:"What the other side answered, and to what."`
	Site         *string   `json:"site" doc:"What KumoMTA calls the destination."`
	Peer         *peerLine `json:"peer" doc:"The other side."`
	EgressSource *string   `json:"egress_source"`
	NodeID       *string   `json:"node_id"`

	VerdictLine
	Classification *string       `json:"classification" doc:"KumoMTA's own."`
	ResponseHash   *string       `json:"response_hash" doc:"The same for responses that say the same."`
	Provider       *string       `json:"provider" doc:"Who runs the recipient's mailbox."`
	TransferID     *string       `json:"transfer_id" doc:"The message's id on the node that it went to or came from."`
	FeedbackType   *string       `json:"feedback_type" doc:"Of a complaint."`
	Original       *originalLine `json:"original" doc:"The message that a report is about."`
}

// TransformSchema implements huma.SchemaTransformer: structs that are not known
// are null, which their tags cannot say.
func (eventLine) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, name := range []string{"peer", "original"} {
		s.Properties[name] = orNull(s.Properties[name])
	}
	return s
}

func orNull(s *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Description: s.Description,
		AnyOf:       []*huma.Schema{{Ref: s.Ref}, {Type: "null"}},
	}
}

// originalLine is the message that a report is tied to.
type originalLine struct {
	MessageID  string   `json:"message_id"`
	Recipients []string `json:"recipients"`
	TiedBy     string   `json:"tied_by" doc:"What ties the report to the message. By likeness it names none, and is about the last one before it to its recipient."`
	Confidence string   `json:"confidence" doc:"How sure that is: verified, claimed or, by likeness, likely. What is likely changes no status."`
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
		VerdictLine: newVerdictLine(&e.Verdict), Classification: known(e.Classification),
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
	*Problem
	Candidates []LogLine `json:"candidates" doc:"The logs that the id means, the latest first."`
}

type logInput struct {
	ID string `path:"id" minLength:"1" maxLength:"1024" example:"22a08300884d11f19005782d7e12e173" doc:"The log's own id, the application's (X-Email-Log-ID) or KumoMTA's message id. A slash in it is written %2F."`
}

type logOutput struct{ Body logWithTimeline }

// registerLogs adds what is asked of single logs.
func registerLogs(api huma.API, lookup *application.Lookup) {
	responses := answers{http.StatusNotFound: noSuchLog}.of(api)
	responses["409"] = &huma.Response{
		Description: "Several logs have this id.", Headers: headersOf(http.StatusConflict),
		Content: map[string]*huma.MediaType{problemType: {
			Schema:  schemaOf[ambiguity](api),
			Example: newAmbiguity([]LogLine{exampleLog(), exampleLog()}),
		}},
	}
	register(api, huma.Operation{
		OperationID: "getLog", Method: http.MethodGet, Path: "/logs/{id}", Tags: []string{"Logs"},
		Summary: "Tell the story of a message",
		Description: "Answers with the log that an id means, and with what happened to its message, in order of time. " +
			"The id is the log's own, the application's (X-Email-Log-ID), or KumoMTA's message id. " +
			"A message that was registered is pending until KumoMTA tells of it. " +
			"Where several logs have it, the answer is a conflict with the candidates.",
		Responses: responses,
	}, exampleStory(), func(ctx context.Context, in *logInput) (*logOutput, error) {
		found, err := lookup.Lookup(ctx, in.ID)
		switch {
		case errors.Is(err, ports.ErrNotFound):
			return nil, notFound(noSuchLog)
		case err != nil:
			return nil, err
		case len(found.Candidates) > 1:
			return nil, ambiguous(found.Candidates)
		}
		return &logOutput{newLogWithTimeline(found)}, nil
	})
}

const noSuchLog = "No log has this id. It is a log's own, the application's (X-Email-Log-ID) or a message_id; " +
	"a message that was just sent may have none yet."

func newLogWithTimeline(found application.Found) logWithTimeline {
	answer := logWithTimeline{
		newLogLine(&found.Candidates[0]), storyOf(&found), newLogLines(found.Transfers), newRegistrationLine(found.Registration),
	}
	return answer
}

func ambiguous(logs []domain.EmailLog) *ambiguity {
	return newAmbiguity(newLogLines(logs))
}

func newAmbiguity(candidates []LogLine) *ambiguity {
	detail := "Several logs have this id. Ask for one of the candidates by its own id."
	if len(candidates) == application.MaxCandidates {
		detail = "Many logs have this id, of which the candidates are the latest. Ask for one by its own id, " +
			"or export all by message_id or id."
	}
	return &ambiguity{newProblem(http.StatusConflict, detail), candidates}
}
