package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// BenchmarkCommit commits units of receptions and deliveries, as a node makes
// them, each record about 1 KiB.
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 50, 500} {
		b.Run(fmt.Sprintf("fresh=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"), sqlstore.SQLiteConfig{})
			n := 0
			commitLoop(b, s, size, func() ports.Unit { n++; return mailUnit(n, size) })
		})
		b.Run(fmt.Sprintf("duplicates=%d", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "store.db"), sqlstore.SQLiteConfig{})
			u := mailUnit(0, size)
			if _, err := s.Commit(context.Background(), u); err != nil {
				b.Fatal(err)
			}
			commitLoop(b, s, size, func() ports.Unit { return u })
		})
	}
}

func commitLoop(b *testing.B, s ports.Journal, size int, next func() ports.Unit) {
	ctx := context.Background()
	b.ReportAllocs()
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		u := next()
		b.StartTimer()
		start := time.Now()
		if _, err := s.Commit(ctx, u); err != nil {
			b.Fatal(err)
		}
		spent += time.Since(start)
	}
	b.ReportMetric(float64(b.N*size)/spent.Seconds(), "events/s")
}

// mailUnit returns unit n of size events: messages received and delivered.
func mailUnit(n, size int) ports.Unit {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * 20 * time.Millisecond)
	var u ports.Unit
	for i := range size {
		message := n*size/2 + i/2
		accepted := start.Add(time.Duration(i/2) * 80 * time.Microsecond)
		e := domain.EmailEvent{
			RecordType: "Reception",
			MessageID:  fmt.Sprintf("%012x70008%015x", accepted.UnixMilli(), message),
			Sender:     "bounce@news.example.com", Queue: "spring:acme@example.org",
			OccurredAt: accepted, AcceptedAt: accepted, Size: 1047,
			Tenant: "acme", Campaign: "spring", ApplicationID: fmt.Sprintf("eml_%024x", message),
			NodeID: "557f3ad4-2c8c-11ee-976e-782d7e12e173", ReceptionProtocol: "ESMTP",
			SessionID: fmt.Sprintf("0b5c6a1c-16a7-4c3f-9a5e-%012x", message*7919),
			Meta:      `{"tenant":"acme","campaign":"spring"}`,
		}
		if i%2 == 1 {
			e.RecordType, e.OccurredAt = "Delivery", accepted.Add(300*time.Millisecond)
			e.Site, e.EgressSource, e.Provider = "source->mx.example.org@smtp_client", "source-1", "example"
			e.DeliveryProtocol = "ESMTP"
			e.Response = domain.Response{
				Code: 250, Enhanced: domain.EnhancedCode{Class: 2},
				Content: fmt.Sprintf("OK queued as %x", message*104729),
			}
		}
		r := contract.Record{
			EmailEvent: e, Recipients: []string{fmt.Sprintf("user%d@example%d.org", message, message%97)},
			Noise: strings.Repeat(fmt.Sprint(message*31), 3),
		}
		u.Events = append(u.Events, r.Events(start)...)
	}
	return u
}
