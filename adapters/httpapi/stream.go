package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

const eventStreamType = "text/event-stream"

type streamInput struct {
	Type      []string `query:"type" nullable:"false" maxItems:"17" enum:"unknown,reception,delivery,bounce,transient_failure,expiration,admin_bounce,oob,feedback,rejection,delayed,admin_rebind,deferred_injection_rebind,xfer_out,xfer_in,suppression.added,suppression.removed" example:"[\"bounce\",\"oob\"]" doc:"What happened: one of these. Without it all events of mail are told; changes of the list of suppressions are only where they are asked for."`
	Recipient string   `query:"recipient" minLength:"1" maxLength:"1024" example:"*@example.org" doc:"The whole address, its domain in any case, or every address of a domain. Of a report also that of the message that it is tied to; of a change of the list of suppressions its address, in any case."`
	MessageID string   `query:"message_id" minLength:"1" maxLength:"1024" example:"22a08300884d11f19005782d7e12e173" doc:"KumoMTA's id, in any spelling of a UUID. Of a report also that of the message that it is tied to."`
	Tenant    string   `query:"tenant" minLength:"1" maxLength:"1024" example:"acme" doc:"Whose message it is."`
	Campaign  string   `query:"campaign" minLength:"1" maxLength:"1024" example:"spring" doc:"The campaign that it is part of."`
	Provider  string   `query:"provider" minLength:"1" maxLength:"1024" example:"google" doc:"Who runs the recipient's mailbox."`
	Cause     []string `query:"cause" nullable:"false" maxItems:"9" enum:"recipient,domain,sender,content,infrastructure,administrative,expired,complaint,unknown" example:"[\"recipient\"]" doc:"Why it failed: one of these."`
	Status    []string `query:"status" nullable:"false" maxItems:"7" enum:"pending,deferred,transferred,expired,bounced,delivered,complained" example:"[\"bounced\"]" doc:"What became of the message so far: one of these."`

	LastEventID string `header:"Last-Event-ID" pattern:"^[0-9]{0,19}$" patternDescription:"the id of an event that came before" example:"4711" doc:"The id of the last event that came; the stream goes on after it. Browsers send it by themselves."`
}

func (in *streamInput) chosen() (application.StreamFilter, error) {
	_, of, isDomain := strings.Cut(in.Recipient, "*@")
	if strings.Contains(in.Recipient, "*") && (!isDomain || of == "" || in.Recipient != "*@"+of || strings.ContainsAny(of, "*@")) {
		return application.StreamFilter{}, badRequest("recipient must be an address, or *@ and a domain")
	}
	return application.StreamFilter{
		Types: in.Type, Recipient: in.Recipient, MessageID: in.MessageID, Tenant: in.Tenant, Campaign: in.Campaign,
		Provider: in.Provider, Causes: in.Cause, Statuses: in.Status,
	}, nil
}

// resume is the place to go on after, nil for now.
func (in *streamInput) resume() *uint64 {
	if in.LastEventID == "" {
		return nil
	}
	sequence, _ := strconv.ParseUint(in.LastEventID, 10, 64) // of up to 19 digits it can
	return &sequence
}

// registerStream adds the live stream of what is announced.
func registerStream(api huma.API, live *application.Stream, log *slog.Logger) {
	register(api, huma.Operation{
		OperationID: "streamEvents", Method: http.MethodGet, Path: "/stream", Tags: []string{"Events"},
		Summary: "Listen to events as they happen",
		Description: "Server-sent events, without end: each event that the filters choose, from now on, about as soon as it is " +
			"stored. The name of an event is its type, its data what is announced on NATS, and its id the sequence there. " +
			"Send the last id as Last-Event-ID to get first what came since. Where that is no longer there a `reset` event " +
			"says so, and the stream goes on from now. Every 15 s without an event a comment comes, with an id of its own: " +
			"how far the stream has been looked through. Before the service ends a stream by itself an `end` event says why: " +
			"`stopping`, or `too_slow` for who does not keep up. Connect again then, with the last id. " +
			"An event may come twice after a crash of the service, with the same `event_id`.",
		Responses: map[string]*huma.Response{
			"200": {
				Description: "Events, until one of both sides ends it.", Headers: headersOf(http.StatusOK),
				Content: map[string]*huma.MediaType{eventStreamType: {
					Schema: &huma.Schema{Type: huma.TypeString}, Example: exampleStream,
				}},
			},
			"503": answers{http.StatusServiceUnavailable: tooManyListen + " Or the bus cannot be reached."}.of(api)["503"],
		},
	}, nil, func(_ context.Context, in *streamInput) (*huma.StreamResponse, error) {
		filter, err := in.chosen()
		if err != nil {
			return nil, err
		}
		return stream(eventStreamType, func(c *gin.Context) { listen(c, live, filter, in.resume(), log) }), nil
	})
}

const (
	tooManyListen = "As many listen already as may at once. Ask again later."
	exampleStream = "retry: 2140\n: listening\nid: 4710\n\n" + "id: 4711\nevent: bounce\n" +
		`data: {"event_id":"019f9a03-d681-7c5a-8e1f-2b6a90d4c713","type":"bounce",` +
		`"message_id":"22a08300884d11f19005782d7e12e173","recipient":"frank@example.org","status":"bounced"}` + "\n\n"
)

// listen answers with what the stream tells, until one of both ends it.
func listen(c *gin.Context, live *application.Stream, filter application.StreamFilter, resume *uint64, log *slog.Logger) {
	out := newEventStream(c)
	err := live.Listen(c.Request.Context(), filter, resume, out.tell)
	switch {
	case !c.Writer.Written():
		failWith(c, log, cannotListen(err), askAgain)
	case errors.Is(err, application.ErrTooSlow):
		out.end("too_slow", "More came than was taken. Connect again with Last-Event-ID, perhaps with a narrower filter.")
	case errors.Is(err, application.ErrStopping):
		out.end("stopping", "The service is stopping. Connect again with Last-Event-ID.")
	}
	// All else is the client's end, who left or did not take what was written.
}

// cannotListen says what keeps a client from listening at all.
func cannotListen(err error) error {
	var detail string
	switch {
	case errors.Is(err, ports.ErrOverloaded):
		detail = tooManyListen
	case errors.Is(err, application.ErrStopping):
		detail = "The service is stopping. " + askAgain
	case errors.Is(err, ports.ErrUnavailable):
		detail = "The bus cannot be reached, which has what is streamed. " + askAgain
	default:
		return err
	}
	p := newProblem(http.StatusServiceUnavailable, detail)
	p.header = http.Header{"Retry-After": {retryAfter}}
	return p
}
