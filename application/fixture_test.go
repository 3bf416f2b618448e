package application_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	silent  = slog.New(slog.DiscardHandler)
	decoder = kumomta.Decoder{}
)

// line returns a record about message n, which was accepted and delivered n
// seconds past noon.
func line(kind string, n int, recipients ...string) string {
	return lineAt(noon.Add(time.Duration(n)*time.Second), kind, n, recipients...)
}

func lineAt(at time.Time, kind string, n int, recipients ...string) string {
	if len(recipients) == 0 {
		recipients = []string{"a@example.com"}
	}
	text, err := json.Marshal(map[string]any{
		"type": kind, "id": fmt.Sprintf("%012x70008%015x", noon.UnixMilli()+int64(n), n),
		"sender": "news@sender.example", "recipient": recipients,
		"queue": "spring:acme@example.com", "site": "source->mx.example.com@smtp_client", "size": 1047,
		"response":  map[string]any{"code": 250, "content": "OK", "command": ".\r\n"},
		"timestamp": at.Unix(), "event_time": at.Format(time.RFC3339Nano),
		"created": noon.Unix(), "num_attempts": 0, "nodeid": "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10",
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// lines returns one record for each message.
func lines(messages ...int) string {
	all := make([]string, len(messages))
	for i, n := range messages {
		all[i] = line("Delivery", n)
	}
	return strings.Join(all, "\n")
}

// unit returns the events of lines as a unit.
func unit(lines ...string) ports.Unit {
	var u ports.Unit
	for batch := range decoder.Decode(strings.Join(lines, "\n")) {
		u.Events = append(u.Events, batch.Events...)
		u.Rejects = append(u.Rejects, batch.Rejects...)
	}
	for i := range u.Events {
		u.Events[i].ReceivedAt = noon
	}
	return u
}

// messageIs says of an event whether it is about one of the messages.
func messageIs(messages ...int) func(*domain.EmailEvent) bool {
	ids := map[string]bool{}
	for _, n := range messages {
		ids[unit(line("Delivery", n)).Events[0].MessageID] = true
	}
	return func(e *domain.EmailEvent) bool { return ids[e.MessageID] }
}

// journal is a store that remembers the units that it was given and waits, if it
// has a gate, to be let through.
type journal struct {
	*memory.Store
	gate chan struct{}
	// refuseRejects makes it refuse units with rejects.
	refuseRejects bool

	mu    sync.Mutex
	units []ports.Unit
}

func (j *journal) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	j.mu.Lock()
	j.units = append(j.units, u)
	j.mu.Unlock()
	if j.gate != nil {
		select {
		case <-j.gate:
		case <-ctx.Done():
		}
	}
	if j.refuseRejects && len(u.Rejects) > 0 {
		return ports.Committed{}, fmt.Errorf("commit: reject: %w", ports.ErrRefused)
	}
	return j.Store.Commit(ctx, u)
}

// sizes returns the number of events of each unit so far.
func (j *journal) sizes() []int {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sizes []int
	for _, u := range j.units {
		sizes = append(sizes, len(u.Events))
	}
	return sizes
}

// ingest returns the use case over a store, without a group.
func ingest(store ports.Journal) *application.Ingest {
	return application.NewIngest(decoder, application.NewCommitter(store, nil), 0, func() time.Time { return noon })
}

func quarantined(t *testing.T, store ports.Quarantine) []ports.Quarantined {
	t.Helper()
	entries, err := store.List(t.Context(), domain.QuarantineID{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// stored returns how many events are stored.
func stored(t *testing.T, store ports.StatsReader) int {
	t.Helper()
	counts, err := store.CountEvents(t.Context(), ports.StatsQuery{Width: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range counts {
		n += int(c.Count)
	}
	return n
}
