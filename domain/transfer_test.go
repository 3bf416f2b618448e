package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// aTransfer is XferOut of a message under its first id, or XferIn of it under
// its second one; each tells the other id.
func aTransfer(typ domain.EventType, id, other string) domain.EmailEvent {
	e := domain.EmailEvent{
		Type: typ, MessageID: id, TransferID: other, Recipient: aRecipient,
		OccurredAt: time.Date(2026, 7, 25, 17, 21, 0, 0, time.UTC), Response: domain.Response{Code: 400, Content: id},
	}
	identify(&e, e.OccurredAt)
	return e
}

func aDeliveryOf(id string) domain.EmailEvent {
	e := domain.EmailEvent{
		Type: domain.Delivery, MessageID: id, Recipient: aRecipient, DeliveryProtocol: "ESMTP",
		OccurredAt: time.Date(2026, 7, 25, 17, 22, 0, 0, time.UTC), Response: domain.Response{Code: 250, Content: "OK"},
	}
	identify(&e, e.OccurredAt)
	return e
}

// logNamed returns what events in any order say of a message to aRecipient.
func logNamed(t fataler, messageID string, events []domain.EmailEvent) domain.EmailLog {
	t.Helper()
	key := domain.NewLogKey(messageID, aRecipient)
	for _, l := range domain.Fold(events) {
		if l.Key == key {
			return l
		}
	}
	t.Fatalf("no log of %s", messageID)
	return domain.EmailLog{}
}

func TestTransferLinksTheLogsOfBothIDs(t *testing.T) {
	out := aTransfer(domain.XferOut, aMessage, otherMessage)
	in := aTransfer(domain.XferIn, strings.ToUpper(otherMessage), strings.ToUpper(aMessage))
	cases := []struct {
		name              string
		events            []domain.EmailEvent
		firstIs, secondIs domain.Status
		first, second     bool // confirmed
	}{
		{"one node's word", []domain.EmailEvent{out}, domain.Transferred, domain.Pending, true, false},
		{"the other node's word", []domain.EmailEvent{in}, domain.Transferred, domain.Pending, false, true},
		{"both", []domain.EmailEvent{out, in}, domain.Transferred, domain.Pending, true, true},
		{"delivered there", []domain.EmailEvent{out, in, aDeliveryOf(otherMessage)}, domain.Transferred, domain.Delivered, true, true},
		{"delivered there, not told of the transfer", []domain.EmailEvent{out, aDeliveryOf(otherMessage)}, domain.Transferred, domain.Delivered, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				events := rapid.Permutation(c.events).Draw(t, "events")
				first, second := logNamed(t, aMessage, events), logNamed(t, otherMessage, events)
				if first.NextID != otherMessage || first.PriorID != "" || second.PriorID != aMessage || second.NextID != "" {
					t.Fatalf("linked %q-%q and %q-%q", first.PriorID, first.NextID, second.PriorID, second.NextID)
				}
				if first.Status() != c.firstIs || second.Status() != c.secondIs {
					t.Fatalf("status %s and %s, want %s and %s", first.Status(), second.Status(), c.firstIs, c.secondIs)
				}
				if first.Confirmed != c.first || second.Confirmed != c.second {
					t.Fatalf("confirmed %v and %v, want %v and %v", first.Confirmed, second.Confirmed, c.first, c.second)
				}
				if first.Attempts != 0 || !first.DeliveredAt.IsZero() {
					t.Fatalf("the first has %d attempts, delivered %v", first.Attempts, first.DeliveredAt)
				}
			})
		})
	}
}

func TestTransfersOfOneMessageAreAChain(t *testing.T) {
	ids := []string{aMessage, otherMessage, aReport}
	events := []domain.EmailEvent{aDeliveryOf(ids[2])}
	for i := range 2 {
		events = append(events, aTransfer(domain.XferOut, ids[i], ids[i+1]), aTransfer(domain.XferIn, ids[i+1], ids[i]))
	}
	rapid.Check(t, func(t *rapid.T) {
		shuffled := rapid.Permutation(slices.Concat(events, events)).Draw(t, "events")
		for i, want := range []struct {
			prior, next string
			status      domain.Status
		}{
			{"", ids[1], domain.Transferred}, {ids[0], ids[2], domain.Transferred}, {ids[1], "", domain.Delivered},
		} {
			l := logNamed(t, ids[i], shuffled)
			if l.PriorID != want.prior || l.NextID != want.next || l.Status() != want.status {
				t.Fatalf("log %d is %s, between %q and %q", i, l.Status(), l.PriorID, l.NextID)
			}
		}
	})
}

func TestTransferToItselfLinksNothing(t *testing.T) {
	for typ, status := range map[domain.EventType]domain.Status{
		domain.XferOut: domain.Transferred, domain.XferIn: domain.Pending,
	} {
		e := aTransfer(typ, aMessage, "10D1B680-884D-11F1-9001-782D7E12E173")
		logs := domain.AppendLogs(nil, &e)
		if len(logs) != 1 || logs[0].PriorID != "" || logs[0].NextID != "" || logs[0].Status() != status {
			t.Errorf("%s says %+v", typ, logs)
		}
	}
}

func TestTransferThatTellsNoIDIsOneWithoutALink(t *testing.T) {
	e := aTransfer(domain.XferOut, aMessage, "")
	logs := domain.AppendLogs(nil, &e)
	if len(logs) != 1 || logs[0].NextID != "" || logs[0].Status() != domain.Transferred {
		t.Errorf("says %+v", logs)
	}
}
