package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

type eventsInput struct {
	MessageID string    `query:"message_id" minLength:"1" maxLength:"1024" example:"22a08300884d11f19005782d7e12e173" doc:"KumoMTA's id, in any spelling of a UUID. Reports that are tied to the message are among its events."`
	Recipient string    `query:"recipient" minLength:"1" maxLength:"1024" example:"frank@example.org" doc:"The whole address, its domain in any case. Rejections are not found by it: they have no log."`
	Type      []string  `query:"type" maxItems:"15" enum:"reception,delivery,bounce,transient_failure,expiration,admin_bounce,oob,feedback,rejection,delayed,admin_rebind,deferred_injection_rebind,xfer_out,xfer_in,unknown" example:"bounce,expiration" doc:"One type, or several with commas between."`
	From      time.Time `query:"from" example:"2026-07-25T00:00:00Z" doc:"Happened then or later, to the millisecond. Not after to."`
	To        time.Time `query:"to" example:"2026-07-26T00:00:00Z" doc:"Happened before then."`
	Limit     int       `query:"limit" minimum:"1" maximum:"500" default:"50" example:"50" doc:"How many a page has at most."`
	Cursor    string    `query:"cursor" minLength:"1" maxLength:"64" example:"AXswYIBMAmk5AZ-aBNaBfFqOHytqkNTHEw" doc:"The next_cursor of the page before, with the same filters."`
}

func (in *eventsInput) chosen() (ports.EventFilter, error) {
	f := ports.EventFilter{MessageID: in.MessageID, Recipient: in.Recipient, From: in.From.UTC(), To: in.To.UTC()}
	for _, name := range in.Type {
		t, _ := domain.ParseEventType(name) // the enum has none else
		f.Types = append(f.Types, t)
	}
	return f, checkRecipient(in.Recipient, "a whole address")
}

type eventsOutput struct{ Body eventPage }

type eventPage struct {
	Items      []eventItem `json:"items" nullable:"false" doc:"The events, the latest first. Those without a time of 2020 to 2100 come last."`
	NextCursor string      `json:"next_cursor" doc:"Asks for the next page, empty at the end."`
}

// eventItem is an event of a list: what is kept beside its record.
type eventItem struct {
	EventID      string  `json:"event_id" format:"uuid"`
	Type         string  `json:"type" doc:"As in the subjects of the stream: delivery, transient_failure and so on."`
	RecordType   *string `json:"record_type" doc:"As KumoMTA calls it, where the type is unknown."`
	MessageID    *string `json:"message_id" doc:"KumoMTA's id of the message, or of the report."`
	Recipient    *string `json:"recipient"`
	Sender       *string `json:"sender" doc:"Of the envelope."`
	OccurredAt   *string `json:"occurred_at" format:"date-time"`
	ReceivedAt   *string `json:"received_at" format:"date-time" doc:"When the record came here."`
	Attempts     int     `json:"attempts" doc:"How many there were before this one."`
	SMTPCode     int     `json:"smtp_code" doc:"Of the response, 0 for none."`
	EnhancedCode *string `json:"enhanced_code"`
	Response     *string `json:"response" doc:"What the other side said."`
	VerdictLine
	Classification *string `json:"classification" doc:"KumoMTA's own."`
	ResponseHash   *string `json:"response_hash" doc:"The same for responses that say the same."`
	Tenant         *string `json:"tenant"`
	Campaign       *string `json:"campaign"`
	Provider       *string `json:"provider" doc:"Who runs the recipient's mailbox."`
	EgressSource   *string `json:"egress_source"`
	NodeID         *string `json:"node_id"`
	OriginalLogID  *string `json:"original_log_id" format:"uuid" doc:"The log that a report is about."`
	TiedBy         *string `json:"tied_by" doc:"What ties the report to it."`
	Confidence     *string `json:"confidence" doc:"How sure that is."`
}

func newEventItem(r *ports.EventRow) eventItem {
	item := eventItem{
		EventID: r.ID.String(), Type: r.Type.String(), RecordType: known(r.RecordType),
		MessageID: known(r.MessageID), Recipient: known(r.Recipient), Sender: known(r.Sender),
		OccurredAt: knownTime(r.OccurredAt), ReceivedAt: knownTime(r.ReceivedAt), Attempts: r.Attempts,
		SMTPCode: r.Response.Code, EnhancedCode: known(r.Response.Enhanced.String()), Response: known(r.Response.Content),
		VerdictLine: newVerdictLine(&r.Verdict), Classification: known(r.Classification), ResponseHash: knownHash(r.ResponseHash),
		Tenant: known(r.Tenant), Campaign: known(r.Campaign), Provider: known(r.Provider),
		EgressSource: known(r.EgressSource), NodeID: known(r.NodeID),
		TiedBy: known(string(r.TiedBy)), Confidence: known(string(r.TiedBy.Confidence())),
	}
	if r.OriginalLog != (domain.LogKey{}) {
		item.OriginalLogID = known(r.OriginalLog.String())
	}
	return item
}

type eventInput struct {
	ID string `path:"id" minLength:"1" maxLength:"64" example:"019f9a03-d681-7c5a-8e1f-2b6a90d4c713" doc:"The event's id, as in Nats-Msg-Id."`
}

type eventOutput struct{ Body wholeEvent }

// wholeEvent is an event with its record.
type wholeEvent struct {
	EventFields
	MessageID     *string `json:"message_id" doc:"KumoMTA's id of the message, or of the report."`
	Recipient     *string `json:"recipient"`
	Sender        *string `json:"sender" doc:"Of the envelope."`
	AcceptedAt    *string `json:"accepted_at" format:"date-time" doc:"When KumoMTA accepted the message."`
	Queue         *string `json:"queue"`
	Tenant        *string `json:"tenant"`
	Campaign      *string `json:"campaign"`
	ApplicationID *string `json:"application_id" doc:"The id that the sending application gave (X-Email-Log-ID)."`
	Size          int64   `json:"size" doc:"Of the message, in bytes, 0 if it is not known."`
	Raw           string  `json:"raw" doc:"The record as it came, but for what was redacted, masked or cut. Parse it for more."`
}

// EventFields are those of an event in a timeline, under a name that huma sees.
type EventFields eventLine

// TransformSchema implements huma.SchemaTransformer.
func (wholeEvent) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return eventLine{}.TransformSchema(r, s)
}

func newWholeEvent(e *domain.EmailEvent) wholeEvent {
	return wholeEvent{
		EventFields: EventFields(newEventLine(e)), MessageID: known(e.MessageID), Recipient: known(e.Recipient), Sender: known(e.Sender),
		AcceptedAt: knownTime(e.AcceptedAt), Queue: known(e.Queue), Tenant: known(e.Tenant), Campaign: known(e.Campaign),
		ApplicationID: known(e.ApplicationID), Size: e.Size, Raw: e.Raw,
	}
}

const noSuchEvent = "No event has this id, or it is older than events are kept."

// registerEvents adds the list of events, and single ones.
func registerEvents(api huma.API, lists *application.Lists) {
	register(api, huma.Operation{
		OperationID: "listEvents", Method: http.MethodGet, Path: "/events", Tags: []string{"Events"},
		Summary: "List events",
		Description: "Answers with a page of the events that the filters choose, the latest first. " +
			"A filter by type alone needs from and to at most 24 h apart. An event's own route has its record.",
	}, exampleEvents(), func(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
		filter, err := in.chosen()
		if err != nil {
			return nil, err
		}
		page, err := lists.Events(ctx, filter, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		body := eventPage{make([]eventItem, len(page.Items)), page.NextCursor}
		for i := range page.Items {
			body.Items[i] = newEventItem(&page.Items[i])
		}
		return &eventsOutput{body}, nil
	})
	register(api, huma.Operation{
		OperationID: "getEvent", Method: http.MethodGet, Path: "/events/{id}", Tags: []string{"Events"},
		Summary:     "Get an event with its record",
		Description: "Answers with one event and the record that KumoMTA posted of it, as a text.",
		Responses:   answers{http.StatusNotFound: noSuchEvent}.of(api),
	}, exampleEvent(), func(ctx context.Context, in *eventInput) (*eventOutput, error) {
		id, err := domain.ParseEventID(in.ID)
		if err != nil {
			return nil, notFound(noSuchEvent)
		}
		e, err := lists.Event(ctx, id)
		switch {
		case errors.Is(err, ports.ErrNotFound):
			return nil, notFound(noSuchEvent)
		case err != nil:
			return nil, err
		}
		return &eventOutput{newWholeEvent(&e)}, nil
	})
}

func exampleEvents() eventPage {
	return eventPage{[]eventItem{newEventItem(&ports.EventRow{EmailEvent: exampleBounce()})}, "AXswYIBMAmk5AZ-aBNaBfFqOHytqkNTHEw"}
}

func exampleEvent() wholeEvent {
	e := exampleBounce()
	raw, _ := json.Marshal(map[string]any{"type": "Bounce", "id": e.MessageID, "recipient": e.Recipient}) // texts always can
	e.Raw = string(raw)
	return newWholeEvent(&e)
}
