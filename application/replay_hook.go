package application

import (
	"encoding/json"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// isForeign says of what could not be taken whether it is whole JSON but no log
// record, as accounting logs have it: all records have a response, and of a
// broken one the type tells.
func isForeign(raw string) bool {
	if !json.Valid([]byte(raw)) {
		return false
	}
	var r struct {
		Type     any             `json:"type"`
		Response json.RawMessage `json:"response"`
	}
	_ = json.Unmarshal([]byte(raw), &r) // of a value that is no object both are missing
	name, _ := r.Type.(string)
	return len(r.Response) == 0 && domain.EventTypeOfRecord(name) == domain.Unknown
}

// isHookLoss says of an event of a log hook's own message whether the hook has
// lost what the message carries: these end it, and nobody got it.
func isHookLoss(e *domain.EmailEvent) bool {
	switch e.Type {
	case domain.Bounce, domain.Expiration, domain.AdminBounce:
		return e.FromLogHook()
	}
	return false
}

// hookOf names the hook whose message an event is about (kumomta.md, section
// 1.4).
func hookOf(e *domain.EmailEvent) string {
	return strings.TrimSuffix(domain.ParseQueue(e.Queue).Domain, ".log_hook")
}

// carriedBy returns the record that a log hook's message carried, if the policy
// has it copied into the message's own records: meta log_record, which is an
// object, or one in a string.
func carriedBy(e *domain.EmailEvent) (record string, ok bool) {
	var meta struct {
		Record json.RawMessage `json:"log_record"`
	}
	if e.Meta == "" || json.Unmarshal([]byte(e.Meta), &meta) != nil {
		return "", false
	}
	if json.Unmarshal(meta.Record, &record) == nil && record != "" {
		return record, true
	}
	return string(meta.Record), len(meta.Record) > 0 && meta.Record[0] == '{'
}

// lose counts a hook's loss and keeps what it carried.
func (t *lineTaker) lose(e *domain.EmailEvent) {
	if !isHookLoss(e) || !within(e.OccurredAt, t.since, t.until) {
		return
	}
	t.counts.lost(hookOf(e), 1)
	if record, ok := carriedBy(e); ok {
		t.lost = append(t.lost, record)
	} else {
		t.counts.Unrestored++
	}
}

// eventsOfMail returns the events of what a hook lost, none where that is no
// record of mail.
func eventsOfMail(decoder ports.RecordDecoder, record string) (events []domain.EmailEvent) {
	for b := range decoder.Decode(record) {
		for i := range b.Events {
			if !b.Events[i].FromLogHook() {
				events = append(events, b.Events[i])
			}
		}
	}
	return events
}
