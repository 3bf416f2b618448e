package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// SuppressionLine is one address that must not be mailed. What is not known is
// null.
type SuppressionLine struct {
	Address string  `json:"address" doc:"In lower case, its local part too."`
	Reason  string  `json:"reason" enum:"manual,hard_bounce,complaint,unsubscribe,invalid"`
	Note    *string `json:"note" doc:"What whoever added it wanted to remember."`
	EventID *string `json:"event_id" format:"uuid" doc:"The event that gave rise to it."`
	AddedAt *string `json:"added_at" format:"date-time" doc:"When it was added here."`
}

func newSuppressionLine(e *domain.Suppression) SuppressionLine {
	line := SuppressionLine{Address: e.Address, Reason: string(e.Reason), Note: known(e.Note), AddedAt: knownTime(e.AddedAt)}
	if e.EventID != (domain.EventID{}) {
		line.EventID = known(e.EventID.String())
	}
	return line
}

// newSuppression is an address that shall not be mailed any more.
type newSuppression struct {
	Address string `json:"address" minLength:"3" maxLength:"320" example:"frank@example.org" doc:"In any case. No name and no angle brackets around it."`
	Reason  string `json:"reason,omitempty" enum:"manual,hard_bounce,complaint,unsubscribe,invalid" default:"manual" example:"unsubscribe"`
	Note    string `json:"note,omitempty" maxLength:"1000" example:"asked by phone" doc:"Whatever is to be remembered."`
	EventID string `json:"event_id,omitempty" format:"uuid" example:"019f9a03-d681-7c5a-8e1f-2b6a90d4c713" doc:"The event that gave rise to it."`
}

type addInput struct{ Body newSuppressions }

type newSuppressions struct {
	Items []newSuppression `json:"items" minItems:"1" maxItems:"1000"`
}

// entries returns what is to be added, or names every fault.
func (s *newSuppressions) entries() ([]domain.Suppression, error) {
	entries, faults := make([]domain.Suppression, len(s.Items)), []string(nil)
	for i, item := range s.Items {
		address, err := domain.SuppressionAddress(item.Address)
		if err != nil {
			faults = append(faults, fmt.Sprintf("items[%d].address: %v", i, err))
		}
		if hasNUL(item.Note) {
			faults = append(faults, fmt.Sprintf("items[%d].note has a NUL in it", i))
		}
		entries[i] = domain.Suppression{Address: address, Reason: domain.SuppressionReason(item.Reason), Note: item.Note}
		if item.EventID != "" {
			if entries[i].EventID, err = domain.ParseEventID(item.EventID); err != nil {
				faults = append(faults, fmt.Sprintf("items[%d].event_id: %v", i, err))
			}
		}
	}
	if len(faults) > 0 {
		return nil, badRequest(faults...)
	}
	return entries, nil
}

type addOutput struct{ Body addedSuppressions }

type addedSuppressions struct {
	Added int         `json:"added" doc:"How many are new."`
	Known int         `json:"known" doc:"How many were there before, and stay as they were."`
	Items []addedLine `json:"items" doc:"What became of each, in the order in which they came."`
}

// addedLine is what became of one entry.
type addedLine struct {
	Address string `json:"address" doc:"As it stands in the list."`
	New     bool   `json:"new" doc:"Whether it was not there before."`
}

func newAddedSuppressions(entries []domain.Suppression, added []bool) addedSuppressions {
	answer := addedSuppressions{Items: make([]addedLine, len(entries))}
	for i := range entries {
		answer.Items[i] = addedLine{entries[i].Address, added[i]}
		if added[i] {
			answer.Added++
		}
	}
	answer.Known = len(entries) - answer.Added
	return answer
}

type lookupInput struct{ Body askedAddresses }

type askedAddresses struct {
	Addresses []string `json:"addresses" minItems:"1" maxItems:"1000" doc:"In any case. No names and no angle brackets around them."`
}

type lookupOutput struct{ Body foundSuppressions }

type foundSuppressions struct {
	Items []foundLine `json:"items" doc:"Those of the addresses that must not be mailed, in the order in which they were asked for."`
}

// foundLine is an address that must not be mailed, as it was asked for.
type foundLine struct {
	Asked string `json:"asked" doc:"The address as it was asked for."`
	SuppressionLine
}

func lookUp(ctx context.Context, list *application.Suppressions, asked []string) (foundSuppressions, error) {
	addresses, faults := make([]string, len(asked)), []string(nil)
	for i, a := range asked {
		var err error
		if addresses[i], err = domain.SuppressionAddress(a); err != nil {
			faults = append(faults, fmt.Sprintf("addresses[%d]: %v", i, err))
		}
	}
	if len(faults) > 0 {
		return foundSuppressions{}, badRequest(faults...)
	}
	found, err := list.Lookup(ctx, addresses)
	answer := foundSuppressions{Items: []foundLine{}}
	for i, a := range addresses {
		if e, ok := found[a]; ok {
			answer.Items = append(answer.Items, foundLine{asked[i], newSuppressionLine(&e)})
		}
	}
	return answer, err
}

type removeOutput struct{ Body removedLine }

// removedLine is an address that was taken out.
type removedLine struct {
	Address string `json:"address" doc:"As it stood in the list."`
}

type removeInput struct {
	Address string `path:"address" minLength:"1" maxLength:"320" example:"frank@example.org" doc:"In any case. A slash in it is written %2F."`
}

// registerSuppressions adds the list of addresses that must not be mailed.
func registerSuppressions(api huma.API, list *application.Suppressions, log *slog.Logger) {
	registerSuppressionList(api, list, log)
	entry := exampleSuppression()
	register(api, huma.Operation{
		OperationID: "addSuppressions", Method: http.MethodPost, Path: "/suppressions", Tags: []string{"Suppressions"},
		Summary: "Add addresses that must not be mailed",
		Description: "Adds up to 1,000 addresses, all of them or, where something is wrong with one, none. One that is there stays " +
			"as it is, so that the same request may be sent again. As text/csv they come one a line: address, reason, note, " +
			"event_id, or other columns of these in the order that a first line names. What the list answers as CSV can be sent back.",
		MaxBodyBytes: 4 << 20,
		RequestBody:  suppressionsBody(),
		Middlewares:  huma.Middlewares{acceptCSV(api)},
	}, newAddedSuppressions([]domain.Suppression{entry}, []bool{true}), func(ctx context.Context, in *addInput) (*addOutput, error) {
		entries, err := in.Body.entries()
		if err != nil {
			return nil, err
		}
		added, err := list.Add(ctx, entries)
		if err != nil {
			return nil, err
		}
		return &addOutput{newAddedSuppressions(entries, added)}, nil
	})
	register(api, huma.Operation{
		OperationID: "lookUpSuppressions", Method: http.MethodPost, Path: "/suppressions/lookup", Tags: []string{"Suppressions"},
		Summary:     "Ask which addresses must not be mailed",
		Description: "Answers with those of up to 1,000 addresses that are in the list, and with why. The others may be mailed.",
		RequestBody: jsonBody(askedAddresses{[]string{"Frank@example.org", "grace@example.org"}}),
	}, foundSuppressions{[]foundLine{{"Frank@example.org", newSuppressionLine(&entry)}}},
		func(ctx context.Context, in *lookupInput) (*lookupOutput, error) {
			found, err := lookUp(ctx, list, in.Body.Addresses)
			return &lookupOutput{found}, err
		})
	register(api, huma.Operation{
		OperationID: "removeSuppression", Method: http.MethodDelete, Path: "/suppressions/{address}", Tags: []string{"Suppressions"},
		Summary: "Take an address out of the list", Description: "The address may be mailed again.",
		Responses: answers{http.StatusNotFound: notSuppressed}.of(api),
	}, removedLine{entry.Address}, func(ctx context.Context, in *removeInput) (*removeOutput, error) {
		address, err := domain.SuppressionAddress(in.Address)
		if err != nil {
			return nil, badRequest("address: " + err.Error())
		}
		if err = list.Remove(ctx, address); errors.Is(err, ports.ErrNotFound) {
			return nil, notFound(notSuppressed)
		}
		return &removeOutput{removedLine{address}}, err
	})
}

const notSuppressed = "The address is not in the list."

func exampleSuppression() domain.Suppression {
	event := exampleBounce()
	return domain.Suppression{
		Address: event.Recipient, Reason: domain.SuppressedByHardBounce, Note: "no such user here", EventID: event.ID,
		AddedAt: event.ReceivedAt,
	}
}

// newCursor hides what a page goes on behind.
func newCursor(behind string) string { return base64.RawURLEncoding.EncodeToString([]byte(behind)) }

const badCursor = "cursor must be the next_cursor of a page"

// behind is the inverse of newCursor.
func behind(cursor string) (string, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return "", badRequest(badCursor)
	}
	return string(text), nil
}
