package application_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// The use cases in a program of one's own: a store, a bus and a decoder are all
// they need. Here store and bus are in memory.
func Example() {
	const body = `
{"type":"Reception","id":"10d1b680884d11f19001782d7e12e173","sender":"bounce@news.example.com","recipient":"alice@example.org","queue":"spring:acme@example.org","site":"","size":1047,"response":{"code":250,"enhanced_code":null,"content":"OK","command":null},"peer_address":null,"timestamp":1785000000,"event_time":"2026-07-25T17:20:00.125456Z","created":1785000000,"num_attempts":0,"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"}
{"type":"Delivery","id":"10d1b680884d11f19001782d7e12e173","sender":"bounce@news.example.com","recipient":"alice@example.org","queue":"spring:acme@example.org","site":"ip-1->mx.example.org@smtp_client","size":1047,"response":{"code":250,"enhanced_code":null,"content":"accepted","command":".\r\n"},"peer_address":null,"timestamp":1785000002,"event_time":"2026-07-25T17:20:02.250000Z","created":1785000000,"num_attempts":0,"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"}
`
	store, bus := memory.NewStore(), memory.NewBus()
	relay := application.NewRelay(store, bus, slog.Default(), application.RelayConfig{})
	group := application.NewGroup(application.NewCommitter(store, relay), application.GroupConfig{})
	ingest := application.NewIngest(kumomta.Decoder{}, group, 90, func() time.Time {
		return time.Date(2026, 7, 25, 17, 20, 3, 0, time.UTC) // time.Now, elsewhere
	})

	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { relay.Run(ctx, 2*time.Second) })

	receipt, err := ingest.Ingest(ctx, body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("received", receipt.Received, "stored", receipt.Stored)

	// In this order: what is committed by now is announced before Run returns.
	group.Close(ctx)
	stop()
	running.Wait()

	for entry, err := range store.Logs(context.Background(), ports.LogFilter{Recipient: "alice@example.org"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("status", entry.Status(), "for", entry.Tenant)
	}
	for _, a := range bus.Arrived() {
		fmt.Println("announced", a.Event.Type)
	}
	// Output:
	// received 2 stored 2
	// status delivered for acme
	// announced reception
	// announced delivery
}

// Log files in a program of one's own, without fx, HTTP or a server: what the
// hook did not bring is in the files, and what it did is there once.
func ExampleReplay() {
	const hooked = `{"type":"Reception","id":"10d1b680884d11f19001782d7e12e173","sender":"bounce@news.example.com","recipient":"alice@example.org","queue":"spring:acme@example.org","site":"","size":1047,"response":{"code":250,"enhanced_code":null,"content":"OK","command":null},"peer_address":null,"timestamp":1785000000,"event_time":"2026-07-25T17:20:00.125456Z","created":1785000000,"num_attempts":0,"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"}
`
	const lost = `{"type":"Bounce","id":"10d1b680884d11f19001782d7e12e173","sender":"bounce@news.example.com","recipient":"alice@example.org","queue":"spring:acme@example.org","site":"ip-1->mx.example.org@smtp_client","size":1047,"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no such user","command":"RCPT TO:<alice@example.org>\r\n"},"peer_address":null,"timestamp":1785000002,"event_time":"2026-07-25T17:20:02.250000Z","created":1785000000,"num_attempts":0,"nodeid":"557f3ad4-2c8c-11ee-976e-782d7e12e173"}
`
	store := memory.NewStore() // sqlstore.OpenSQLite or OpenPostgres, elsewhere
	ingest := application.NewIngest(kumomta.Decoder{}, application.NewCommitter(store, nil), 90, func() time.Time {
		return time.Date(2026, 7, 26, 0, 0, 0, 0, time.UTC) // time.Now, elsewhere
	})
	ctx := context.Background()
	if _, err := ingest.Ingest(ctx, hooked); err != nil {
		log.Fatal(err)
	}

	// segments.New(segments.Config{Paths: paths}), elsewhere
	files := memory.NewSegments(map[string]string{"/var/log/kumomta/20260725-172000": hooked + lost}, 1000)
	checkpoint := memory.NewCheckpoint() // checkpoint.Open, elsewhere
	replay := application.NewReplay(files, ingest, store, application.ReplayConfig{}).WithCheckpoint(checkpoint)
	for range 2 {
		report, err := replay.Run(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("read", report.Read, "stored", report.Stored, "duplicates", report.Duplicates)
	}

	for entry, err := range store.Logs(ctx, ports.LogFilter{Recipient: "alice@example.org"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("status", entry.Status(), "for", entry.Tenant)
	}
	// Output:
	// read 2 stored 1 duplicates 1
	// read 0 stored 0 duplicates 0
	// status bounced for acme
}
