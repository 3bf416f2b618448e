package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"net/url"
	"time"
)

// StreamFilter chooses events of the live stream; empty fields choose all, and of
// several values one is enough.
type StreamFilter struct {
	Types     []string // without any all events of mail, and no changes of the list of suppressions
	Recipient string   // the whole address, or "*@example.org"
	MessageID string
	Tenant    string
	Campaign  string
	Provider  string
	Causes    []string
	Statuses  []string
}

func (f *StreamFilter) query() url.Values {
	q := query{}
	q.list("type", f.Types)
	q.text("recipient", f.Recipient)
	q.text("message_id", f.MessageID)
	q.text("tenant", f.Tenant)
	q.text("campaign", f.Campaign)
	q.text("provider", f.Provider)
	q.list("cause", f.Causes)
	q.list("status", f.Statuses)
	return url.Values(q)
}

// What the stream tells besides events.
const (
	// SuppressionAdded and SuppressionRemoved say that the list of suppressions has
	// changed, to those who ask for these types.
	SuppressionAdded   = "suppression.added"
	SuppressionRemoved = "suppression.removed"
	// Reset says that what came after the last event is no longer there; the
	// stream goes on from ID.
	Reset = "reset"
	// End says that the service ends this connection, because it stops or because
	// the client is too slow: Data has reason and detail.
	End = "end"
)

// Heard is what the stream tells next.
type Heard struct {
	// ID is how far all was told: who listens again from there misses nothing.
	ID   string
	Type string          // of the event, or SuppressionAdded, SuppressionRemoved, Reset or End
	Data json.RawMessage // of events an Announcement, of changes a SuppressionChange
}

// silence is after how long a connection is taken for dead. The service gives a
// sign of life every 15 s.
const silence = time.Minute

// Stream listens to events as they happen, from now on or, if lastID is not
// empty, after the event with that id. It connects again where the connection
// breaks, is silent for a minute, or was ended, and goes on where it was; an event
// may come twice after a crash of the service, with the same event_id. It ends
// with an error when ctx does, when the service refuses, or when Retry.Attempts
// to connect have failed in a row.
func (c *Client) Stream(ctx context.Context, f StreamFilter, lastID string) iter.Seq2[Heard, error] {
	return func(yield func(Heard, error) bool) {
		s := stream{client: c, query: f.query(), yield: yield, sse: sse{last: lastID, retry: time.Second}}
		for failures := 0; ; {
			s.connected = false
			err := s.listen(ctx)
			switch {
			case s.left:
				return
			case ctx.Err() != nil:
				err = fmt.Errorf("%s: %w", listenName, ctx.Err())
			case s.connected:
				failures = 0
				if wait(ctx, min(s.retry, c.maxWait)) == nil {
					continue
				}
				err = fmt.Errorf("%s: %w", listenName, ctx.Err())
			default:
				failures++
				if failures < c.attempts && c.waitToConnect(ctx, err, failures) {
					continue
				}
			}
			yield(Heard{}, err)
			return
		}
	}
}

// waitToConnect says whether to connect again after an error, when it is time to.
func (c *Client) waitToConnect(ctx context.Context, err error, failures int) bool {
	var asked time.Duration
	var p *Problem
	switch {
	case errors.Is(err, errNoStream):
		return false
	case errors.As(err, &p):
		if p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests {
			return false
		}
		asked = p.RetryAfter
	}
	return asked <= c.maxWait && wait(ctx, c.pause(failures, asked)) == nil
}

const listenName = "listen to the stream"

var (
	errNoStream = errors.New("the answer is no stream of events")
	errSilent   = errors.New("the service has been silent")
)

// stream is one Stream.
type stream struct {
	sse

	client    *Client
	query     url.Values
	yield     func(Heard, error) bool
	connected bool
	left      bool // yield said that it wants no more
}

// listen connects once and yields what it hears until the connection ends.
func (s *stream) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dead := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer dead.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.last != "" {
		header.Set("Last-Event-ID", s.last)
	}
	resp, err := s.client.try(ctx, request{
		name: listenName, method: http.MethodGet, path: v1 + "/stream", query: s.query, header: header,
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		return fmt.Errorf("%s: %w", listenName, errNoStream)
	}
	s.connected = true
	s.forget()
	for line, err := range lines(resp.Body, listenName) {
		if err != nil {
			return err
		}
		if heard, whole := s.read(line); whole {
			dead.Stop() // not for the time that is taken over what was heard
			if s.left = !s.yield(heard, nil); s.left {
				return nil
			}
		}
		dead.Reset(silence)
	}
	return nil
}
