package domain

// EventType is the kind of thing a log record says of a message (kumomta.md,
// section 2). Unknown stands for every type that this version does not know.
type EventType uint8

// The record types of KumoMTA.
const (
	Unknown EventType = iota
	Reception
	Delivery
	Bounce
	TransientFailure
	Expiration
	AdminBounce
	OOB
	Feedback
	Rejection
	Delayed
	AdminRebind
	DeferredInjectionRebind
	XferOut
	XferIn
)

var eventTypes = [...]struct{ name, record string }{
	Unknown:                 {"unknown", ""},
	Reception:               {"reception", "Reception"},
	Delivery:                {"delivery", "Delivery"},
	Bounce:                  {"bounce", "Bounce"},
	TransientFailure:        {"transient_failure", "TransientFailure"},
	Expiration:              {"expiration", "Expiration"},
	AdminBounce:             {"admin_bounce", "AdminBounce"},
	OOB:                     {"oob", "OOB"},
	Feedback:                {"feedback", "Feedback"},
	Rejection:               {"rejection", "Rejection"},
	Delayed:                 {"delayed", "Delayed"},
	AdminRebind:             {"admin_rebind", "AdminRebind"},
	DeferredInjectionRebind: {"deferred_injection_rebind", "DeferredInjectionRebind"},
	XferOut:                 {"xfer_out", "XferOut"},
	XferIn:                  {"xfer_in", "XferIn"},
}

// EventTypes returns every type, Unknown first.
func EventTypes() []EventType {
	all := make([]EventType, len(eventTypes))
	for i := range all {
		all[i] = EventType(i)
	}
	return all
}

// String returns the type's name in snake case, as it stands in subjects,
// columns and answers: "transient_failure".
func (t EventType) String() string {
	if int(t) >= len(eventTypes) {
		return eventTypes[Unknown].name
	}
	return eventTypes[t].name
}

// EventTypeOfRecord returns the type that a record's `type` names, in
// KumoMTA's spelling ("TransientFailure"), and Unknown for any other text.
func EventTypeOfRecord(name string) EventType { return byRecord[name] }

// ParseEventType is the inverse of String; it reports whether name is one.
func ParseEventType(name string) (EventType, bool) {
	t, ok := byName[name]
	return t, ok
}

var byRecord, byName = func() (map[string]EventType, map[string]EventType) {
	record, name := map[string]EventType{}, map[string]EventType{}
	for t, n := range eventTypes {
		record[n.record], name[n.name] = EventType(t), EventType(t)
	}
	return record, name
}()

// IsReport says whether a record of this type carries the id of a report about
// a message in place of the message's own (kumomta.md, sections 2.1 and 4).
func (t EventType) IsReport() bool { return t == OOB || t == Feedback }
