package contract

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Record is one log record in the contract's own form: what its parts share,
// and for whom they are. The ID, Type, Part, Recipient, Raw and ReceivedAt of
// the embedded event are not the record's and are ignored.
type Record struct {
	domain.EmailEvent
	Recipients []string // different ones; none makes one event without
	Noise      string   // means nothing, makes raw bytes differ
}

// Line returns the record as JSON on one line, without the line's end.
func (r Record) Line() string {
	r.EmailEvent.Raw, r.EmailEvent.ReceivedAt = "", time.Time{}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // only for years past 9999, a mistake in a test
	}
	return string(b)
}

// Events returns the record's events as Decoder reads them from its line,
// received at t.
func (r Record) Events(t time.Time) []domain.EmailEvent { return EventsOf(r.Line(), t) }

// EventsOf returns the events of lines of records, received at t.
func EventsOf(lines string, t time.Time) []domain.EmailEvent {
	var events []domain.EmailEvent
	for b := range (Decoder{}).Decode(lines) {
		events = append(events, b.Events...)
	}
	for i := range events {
		events[i].ReceivedAt = t
	}
	return events
}

// Decoder is a ports.RecordDecoder of Records: one, an array, or one a line.
type Decoder struct{}

var _ ports.RecordDecoder = Decoder{}

// batchRecords bounds a batch; small, so that tests see several.
const batchRecords = 16

// Decode implements ports.RecordDecoder.
func (Decoder) Decode(text string) iter.Seq[ports.Batch] {
	return func(yield func(ports.Batch) bool) {
		var b batch
		index := 0
		for value := range split(text) {
			b.add(value, index)
			index++
			if b.Records == batchRecords {
				if !yield(b.Batch) {
					return
				}
				b = batch{}
			}
		}
		if b.Records > 0 {
			yield(b.Batch)
		}
	}
}

// split yields the values of an array, else the lines that are not blank.
func split(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var array []json.RawMessage
		if strings.HasPrefix(text, "[") && json.Unmarshal([]byte(text), &array) == nil {
			for _, value := range array {
				if !yield(string(value)) {
					return
				}
			}
			return
		}
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) != "" && !yield(line) {
				return
			}
		}
	}
}

type batch struct{ ports.Batch }

func (b *batch) add(value string, index int) {
	b.Records++
	if json.Valid([]byte(value)) {
		b.Values++
	}
	var r Record
	if err := json.Unmarshal([]byte(value), &r); err != nil {
		b.Rejects = append(b.Rejects, domain.Reject{Index: index, Reason: "not a record in JSON", Raw: value})
		return
	}
	b.Events = append(b.Events, r.parts(value)...)
}

// parts returns the record's events. What copies agree on makes their ids.
func (r *Record) parts(raw string) []domain.EmailEvent {
	if len(r.Recipients) == 0 {
		r.Recipients = []string{""}
	}
	id := domain.Identity{
		NodeID: r.NodeID, RecordType: r.RecordType, MessageID: r.MessageID,
		EventTime: r.OccurredAt, Timestamp: r.OccurredAt.Unix(), Created: r.AcceptedAt.Unix(),
		Recipients: r.Recipients, Sender: r.Sender, Response: r.Response,
		Attempts: r.Attempts, Site: r.Site, Queue: r.Queue,
		SessionID: r.SessionID, PeerAddress: r.PeerAddress,
	}
	digest, _ := id.Digest(nil)
	events := make([]domain.EmailEvent, len(r.Recipients))
	for i, recipient := range r.Recipients {
		e := r.EmailEvent
		e.ID, e.Type = digest.EventID(recipient), domain.EventTypeOfRecord(r.RecordType)
		e.Part, e.Recipient, e.Raw, e.ReceivedAt = i, recipient, raw, time.Time{}
		events[i] = e
	}
	return events
}
