package natsbus

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
)

// waiting is how many messages wait for their answer.
func (a *acks) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pending
}

// expectAll opens a batch of n messages that are all sent.
func expectAll(t *testing.T, a *acks, n int) (b *batch, replies []string) {
	t.Helper()
	b = a.begin(n)
	for i := range n {
		reply, err := b.expect(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, reply)
	}
	return b, replies
}

const plainAck = `{"stream":"KUMOMTA_EVENTS", "seq":7}`

func answer(subject, data string) *nats.Msg { return &nats.Msg{Subject: subject, Data: []byte(data)} }

func TestAnswersThatNobodyWaitsForAreIgnored(t *testing.T) {
	a := startBus(t, t.TempDir()).pub.acks
	gone, late := expectAll(t, a, 1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if acked, why := gone.wait(ended); acked[0] || why.err() == nil {
		t.Fatalf("acknowledged without an answer: %v", why.err())
	}
	b, replies := expectAll(t, a, 2)
	for _, subject := range []string{
		late[0], replies[0], replies[0], // twice
		fmt.Sprint(a.inbox, b.number, ".2"), fmt.Sprint(a.inbox, b.number, ".-1"), fmt.Sprint(a.inbox, b.number, "."),
		a.inbox + "999.0", a.inbox + "x.0", "other",
	} {
		a.take(answer(subject, plainAck))
	}
	if got := a.waiting(); got != 1 {
		t.Errorf("%d messages wait, want the second of the batch alone", got)
	}
	a.take(answer(replies[1], plainAck))
	if acked, why := b.wait(t.Context()); !acked[0] || !acked[1] || why.err() != nil {
		t.Errorf("acknowledged %v, error %v", acked, why.err())
	}
	if got := a.waiting(); got != 0 {
		t.Errorf("%d messages wait after the end", got)
	}
}

func TestPlaceIsFreeAgainHoweverItsMessageEnds(t *testing.T) {
	a := startBus(t, t.TempDir()).pub.acks
	full, replies := expectAll(t, a, maxPending)
	b := a.begin(1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.expect(ended, 0); !errors.Is(err, context.Canceled) {
		t.Fatalf("place %d of %d: %v", maxPending+1, maxPending, err)
	}
	for _, free := range []func(){
		func() { a.take(answer(replies[0], plainAck)) },
		func() { a.take(answer(replies[1], `{"error":{"code":503}}`)) },
		func() { full.fail(2, errors.New("not sent")) },
		func() { full.wait(ended) },
	} {
		free()
		one := a.begin(1)
		if _, err := one.expect(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadAck(t *testing.T) {
	none := nats.Header{"Status": {"503"}}
	for name, c := range map[string]struct {
		data   string
		header nats.Header
		want   error // nil for an acknowledgement
	}{
		"stored":           {data: plainAck},
		"duplicate":        {data: `{"stream":"S", "seq":7,"duplicate": true}`},
		"with a domain":    {data: `{"stream":"S", "domain":"d", "seq":7}`},
		"in another order": {data: `{ "seq": 7, "stream": "S" }`},
		"no stream":        {header: none, want: jetstream.ErrNoStreamResponse},
		"nothing":          {want: errNoAck},
		"no JSON":          {data: `{"stream`, want: errNoAck},
		"of no stream":     {data: `{"seq":7}`, want: errNoAck},
		"trouble":          {data: `{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"S","seq":0}`, want: ports.ErrUnavailable},
		"refusal":          {data: `{"error":{"code":400,"err_code":10054,"description":"too large"},"stream":"S","seq":0}`, want: ports.ErrRefused},
		"error behind":     {data: `{"stream":"S","seq":0,"error":{"code":400,"description":"too large"}}`, want: ports.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			err := readAck(&nats.Msg{Data: []byte(c.data), Header: c.header})
			if c.want == nil {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			var why faults
			if err != nil {
				why.add(err)
			}
			if !errors.Is(why.err(), c.want) {
				t.Errorf("error %v, want %v", why.err(), c.want)
			}
		})
	}
}
