package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

// storyEvent is one event in the story of a message.
type storyEvent struct {
	EventFields
	MessageID     *string  `json:"message_id" doc:"The id that the message had then, or that of the report."`
	Decided       bool     `json:"decided" doc:"The log's status, response and cause are this event's."`
	WaitedSeconds *float64 `json:"waited_seconds" doc:"Of an attempt: how long after the one before, or after acceptance. Null for all others."`
}

// TransformSchema implements huma.SchemaTransformer.
func (storyEvent) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	return eventLine{}.TransformSchema(r, s)
}

// storyOf returns the timeline of a single log.
func storyOf(found *application.Found) []storyEvent {
	story := make([]storyEvent, len(found.Timeline))
	for i, wait := range found.Waits() {
		e := &found.Timeline[i]
		story[i] = storyEvent{
			EventFields: EventFields(newEventLine(e)), MessageID: known(e.MessageID),
			Decided: e.ID == found.Candidates[0].Decision.EventID,
		}
		if wait >= 0 {
			seconds := wait.Seconds()
			story[i].WaitedSeconds = &seconds
		}
	}
	return story
}

func newLogLines(logs []domain.EmailLog) []LogLine {
	lines := make([]LogLine, len(logs))
	for i := range logs {
		lines[i] = newLogLine(&logs[i])
	}
	return lines
}
