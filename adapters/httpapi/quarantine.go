package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// QuarantineLine is what could not be taken.
type QuarantineLine struct {
	ID         string  `json:"id" doc:"Derived from the bytes: the same bytes are kept once."`
	Reason     string  `json:"reason" doc:"Why they could not be taken."`
	ReceivedAt *string `json:"received_at" format:"date-time" doc:"When they first came."`
	Size       int     `json:"size" doc:"In bytes."`
}

func newQuarantineLine(q *ports.Quarantined) QuarantineLine {
	return QuarantineLine{q.ID.String(), q.Reason, knownTime(q.ReceivedAt), q.Size}
}

// quarantineEntry is an entry with its bytes, as text where they are text.
type quarantineEntry struct {
	QuarantineLine
	Raw    *string `json:"raw" doc:"The bytes where they are UTF-8, else null."`
	Base64 []byte  `json:"raw_base64" doc:"The bytes where they are not UTF-8, else null."`
}

// TransformSchema implements huma.SchemaTransformer: bytes may be null.
func (quarantineEntry) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["raw_base64"].Nullable = true
	return s
}

func newQuarantineEntry(q *ports.Quarantined) quarantineEntry {
	entry := quarantineEntry{QuarantineLine: newQuarantineLine(q)}
	if utf8.ValidString(q.Raw) {
		entry.Raw = &q.Raw
	} else {
		entry.Base64 = []byte(q.Raw)
	}
	return entry
}

type quarantineInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" example:"50" doc:"How many a page has at most."`
	Cursor string `query:"cursor" minLength:"1" maxLength:"2048" example:"MDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGY" doc:"The next_cursor of the page before."`
}

// after returns the entry that the page goes on behind.
func (in *quarantineInput) after() (domain.QuarantineID, error) {
	if in.Cursor == "" {
		return domain.QuarantineID{}, nil
	}
	text, err := behind(in.Cursor)
	if err != nil {
		return domain.QuarantineID{}, err
	}
	id, err := domain.ParseQuarantineID(text)
	if err != nil || id.String() != text {
		return domain.QuarantineID{}, badRequest(badCursor)
	}
	return id, nil
}

type quarantineOutput struct{ Body quarantinePage }

type quarantinePage struct {
	Items      []QuarantineLine `json:"items" doc:"Newest first."`
	NextCursor string           `json:"next_cursor" doc:"Of the next page, empty at the end."`
}

func newQuarantinePage(entries []ports.Quarantined, limit int) quarantinePage {
	page := quarantinePage{Items: make([]QuarantineLine, min(limit, len(entries)))}
	for i := range page.Items {
		page.Items[i] = newQuarantineLine(&entries[i])
	}
	if len(entries) > limit {
		page.NextCursor = newCursor(entries[limit-1].ID.String())
	}
	return page
}

type entryInput struct {
	ID string `path:"id" minLength:"1" maxLength:"64" example:"000102030405060708090a0b0c0d0e0f" doc:"The entry's id."`
}

type (
	entryOutput struct{ Body quarantineEntry }
	retryOutput struct{ Body Receipt }
)

const (
	noSuchEntry = "Nothing in quarantine has this id. What was taken by another try is there no more."
	goneCursor  = "The entry that the cursor stands at is in quarantine no more, for it was taken or grew old. Begin again without one."
)

// registerQuarantine adds what could not be taken.
func registerQuarantine(api huma.API, quarantine *application.Quarantine) {
	entry := exampleQuarantined()
	register(api, huma.Operation{
		OperationID: "listQuarantine", Method: http.MethodGet, Path: "/quarantine", Tags: []string{"Quarantine"},
		Summary: "List what could not be taken", Description: "Answers with the entries of the quarantine, newest first, without their bytes.",
		Responses: answers{http.StatusNotFound: goneCursor}.of(api),
	}, newQuarantinePage([]ports.Quarantined{entry, entry}, 1), func(ctx context.Context, in *quarantineInput) (*quarantineOutput, error) {
		after, err := in.after()
		if err != nil {
			return nil, err
		}
		entries, err := quarantine.List(ctx, after, in.Limit+1)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 && in.Cursor != "" {
			// Of an entry that is gone nobody knows what stood behind it.
			if _, err := quarantine.Show(ctx, after); errors.Is(err, ports.ErrNotFound) {
				return nil, notFound(goneCursor)
			}
		}
		return &quarantineOutput{newQuarantinePage(entries, in.Limit)}, nil
	})
	responses, turns := answers{http.StatusNotFound: noSuchEntry}.of(api), huma.Middlewares{oneByOne()}
	register(api, huma.Operation{
		OperationID: "getQuarantined", Method: http.MethodGet, Path: "/quarantine/{id}", Tags: []string{"Quarantine"},
		Summary: "Show what could not be taken", Description: "Answers with one entry and its bytes.", Responses: responses, Middlewares: turns,
	}, newQuarantineEntry(&entry), func(ctx context.Context, in *entryInput) (*entryOutput, error) {
		id, err := domain.ParseQuarantineID(in.ID)
		if err != nil {
			return nil, notFound(noSuchEntry)
		}
		q, err := quarantine.Show(ctx, id)
		if errors.Is(err, ports.ErrNotFound) {
			return nil, notFound(noSuchEntry)
		}
		return &entryOutput{newQuarantineEntry(&q)}, err
	})
	register(api, huma.Operation{
		OperationID: "retryQuarantined", Method: http.MethodPost, Path: "/quarantine/{id}/retry", Tags: []string{"Quarantine"},
		Summary: "Try again what could not be taken",
		Description: "Reads the bytes of an entry as if they had come now. The entry goes when they are taken. " +
			"It stays where they are not, and then the answer counts them as quarantined again.",
		Responses: responses, Middlewares: turns,
	}, newReceipt(application.Receipt{Received: 1, Stored: 1}), func(ctx context.Context, in *entryInput) (*retryOutput, error) {
		id, err := domain.ParseQuarantineID(in.ID)
		if err != nil {
			return nil, notFound(noSuchEntry)
		}
		receipt, err := quarantine.Retry(ctx, id)
		if errors.Is(err, ports.ErrNotFound) {
			return nil, notFound(noSuchEntry)
		}
		return &retryOutput{newReceipt(receipt)}, err
	})
}

// oneByOne lets requests wait for each other, from their start to the end of their
// answer. An entry may have MAX_BODY_BYTES, and its answer some times as much: many
// at once would be more than there is memory for.
func oneByOne() func(huma.Context, func(huma.Context)) {
	turn := make(chan struct{}, 1)
	return func(ctx huma.Context, next func(huma.Context)) {
		within, cancel := context.WithTimeout(ctx.Context(), answerWithin)
		defer cancel()
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			next(ctx)
		case <-within.Done():
			write(unwrap(ctx), problemOf(ctx.Context(), ports.ErrOverloaded, askAgain))
		}
	}
}

func exampleQuarantined() ports.Quarantined {
	return ports.Quarantined{
		ID:     domain.QuarantineID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Reason: "the record has no type", ReceivedAt: time.Date(2026, 7, 25, 17, 20, 0, 0, time.UTC), Size: 2, Raw: "{}",
	}
}
