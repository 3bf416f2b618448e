package natsbus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// maxPending bounds what is sent and not acknowledged, over all callers. The
// server drops what comes while 10,000 messages wait in it.
const maxPending = 4096

// acks gives the server's answers to those who published. A message is a place
// in its batch, which its reply subject names: the client's own futures have a
// timer, channels and an entry in a map for each, and take 6.4 us a message in
// place of 2.4.
type acks struct {
	name  string // of its own, nobody else's
	inbox string // what reply subjects begin with

	mu      sync.Mutex
	batches map[uint64]*batch     // open ones, by number
	fast    map[string]*fastBatch // open ones, by id
	begun   uint64                // batches so far
	pending int                   // messages of all batches that wait for their answer

	room chan struct{} // has a token when fewer than maxPending wait
}

// batch is the messages of one call. The mutex of acks guards it.
type batch struct {
	of      *acks
	number  uint64
	waiting []bool // for the answer, by message
	acked   []bool
	open    int // how many wait
	sealed  bool
	why     faults

	done  chan struct{} // closed when it is sealed and none waits
	reply []byte        // where subjects are written
}

// newAcks subscribes to answers for as long as the connection lives.
func newAcks(nc *nats.Conn) (*acks, error) {
	a := &acks{
		inbox: nc.NewInbox() + ".", batches: map[uint64]*batch{}, fast: map[string]*fastBatch{},
		room: make(chan struct{}, 1),
	}
	a.name = a.inbox[strings.LastIndexByte(a.inbox[:len(a.inbox)-1], '.')+1 : len(a.inbox)-1]
	if _, err := nc.Subscribe(a.inbox+">", a.take); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return a, nil
}

// begin opens a batch of n messages.
func (a *acks) begin(n int) *batch {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun++
	b := &batch{of: a, number: a.begun, waiting: make([]bool, n), acked: make([]bool, n), done: make(chan struct{})}
	b.reply = append(strconv.AppendUint([]byte(a.inbox), b.number, 10), '.')
	a.batches[b.number] = b
	return b
}

// expect waits for a place among those pending and returns the reply subject of
// the ith message, whose answer is awaited from now on.
func (b *batch) expect(ctx context.Context, i int) (reply string, err error) {
	for !b.enter(i) {
		select {
		case <-b.of.room:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	return string(strconv.AppendInt(b.reply, int64(i), 10)), nil
}

func (b *batch) enter(i int) bool {
	a := b.of
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending >= maxPending {
		return false
	}
	a.pending++
	b.open++
	b.waiting[i] = true
	a.madeRoom() // for whoever else waits
	return true
}

// fail notes why the ith message was not sent.
func (b *batch) fail(i int, err error) {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	b.why.add(err)
	b.leave(i)
}

// leave gives back the place of the ith message, if it has one.
func (b *batch) leave(i int) {
	if !b.waiting[i] {
		return
	}
	b.waiting[i] = false
	b.of.pending--
	b.of.madeRoom()
	if b.open--; b.open == 0 && b.sealed {
		close(b.done)
	}
}

// madeRoom tells one who waits for a place; he tells the next.
func (a *acks) madeRoom() {
	if a.pending >= maxPending {
		return
	}
	select {
	case a.room <- struct{}{}:
	default:
	}
}

// wait waits for the answers to all that was sent until ctx ends, and returns
// what is acknowledged by then and what is not. It closes the batch.
func (b *batch) wait(ctx context.Context) ([]bool, *faults) {
	b.seal()
	select {
	case <-b.done:
	case <-ctx.Done():
	}
	a := b.of
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.batches, b.number)
	if b.open > 0 {
		b.why.add(context.Cause(ctx))
		a.pending -= b.open
		a.madeRoom()
	}
	return b.acked, &b.why
}

// seal says that nothing more is sent.
func (b *batch) seal() {
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if b.sealed = true; b.open == 0 {
		close(b.done)
	}
}

// take takes one answer. Who asked may be gone, and servers of a cluster may
// answer twice.
func (a *acks) take(m *nats.Msg) {
	place := strings.TrimPrefix(m.Subject, a.inbox)
	if isFast(place) {
		id, _, _ := strings.Cut(place, ".")
		a.takeFast(id, m)
		return
	}
	number, i, ok := placeOf(place)
	if !ok {
		return
	}
	err := readAck(m)
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.batches[number]
	if b == nil || i >= len(b.waiting) || !b.waiting[i] {
		return
	}
	b.acked[i] = err == nil
	if err != nil {
		b.why.add(err)
	}
	b.leave(i)
}

// placeOf reads what a reply subject has behind the inbox.
func placeOf(subject string) (number uint64, i int, ok bool) {
	first, second, ok := strings.Cut(subject, ".")
	number, err := strconv.ParseUint(first, 10, 64)
	i, err2 := strconv.Atoi(second)
	return number, i, ok && err == nil && err2 == nil && i >= 0
}

var errNoAck = errors.New("the server's answer is no acknowledgement")

// readAck returns nil if the answer says that the stream has the message, now or
// since earlier.
func readAck(m *nats.Msg) error {
	if len(m.Data) == 0 && m.Header.Get("Status") == strconv.Itoa(http.StatusServiceUnavailable) {
		return jetstream.ErrNoStreamResponse
	}
	if bytes.HasPrefix(m.Data, []byte(`{"stream":"`)) && !bytes.Contains(m.Data, []byte(`"error"`)) {
		return nil // as servers spell it; reading each as JSON takes a microsecond
	}
	var answer struct {
		Stream string              `json:"stream"`
		Error  *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(m.Data, &answer); {
	case err != nil:
		return errNoAck
	case answer.Error != nil:
		return answer.Error
	case answer.Stream == "":
		return errNoAck
	}
	return nil
}
