package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

const (
	apiSchema       = "bench_api"
	apiSpan         = 90 * 24 * time.Hour
	apiSuppressions = 200_000
)

// apiStore is a store that is filled, with what it is filled.
type apiStore struct {
	*sqlstore.Postgres
	url  string
	mail apiMail
	// later is what comes in while questions are asked.
	later apiMail
	db    *pgServer
}

// fillAPI opens the store of before, if it has as many events, or fills one.
func fillAPI(ctx context.Context, db *pgServer, events int) (*apiStore, error) {
	s := &apiStore{url: db.url, db: db, mail: apiMail{span: apiSpan, n: max(1, events/1000)}}
	const notes = `CREATE TABLE IF NOT EXISTS public.bench_api_fill (units integer, ends timestamptz)`
	if _, err := db.conn.Exec(ctx, notes); err != nil {
		return nil, err
	}
	var ends time.Time
	err := db.conn.QueryRow(ctx, "SELECT ends FROM public.bench_api_fill WHERE units = $1", s.mail.n).Scan(&ends)
	isFilled := err == nil
	if !isFilled {
		ends = time.Now().Add(-time.Hour).Truncate(time.Second)
		if err := db.drop(ctx, apiSchema); err != nil {
			return nil, err
		}
	}
	s.mail.from = ends.Add(-apiSpan).UTC()
	cfg := sqlstore.PostgresConfig{Schema: apiSchema, Writers: apiFillers, DaysAhead: 2}
	if s.Postgres, err = sqlstore.OpenPostgres(ctx, db.url, decoder(), cfg); err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	if isFilled {
		return s, nil
	}
	if err := s.fill(ctx); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	_, err = db.conn.Exec(ctx, "DELETE FROM public.bench_api_fill; INSERT INTO public.bench_api_fill VALUES ("+fmt.Sprint(s.mail.n)+", '"+ends.Format(time.RFC3339)+"')")
	return s, err
}

// apiFillers is how many commit at once: one makes mail while another is waited
// for.
const apiFillers = 4

// fill commits all units the way that the service does, about in order of time.
func (s *apiStore) fill(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var done atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for w := range apiFillers {
		all.Go(func() {
			for i := w; i < s.mail.n && ctx.Err() == nil; i += apiFillers {
				if err := s.fillUnit(ctx, s.mail.unit(i)); err != nil {
					stop(err)
				}
				if n := done.Add(1); n%500 == 0 {
					fmt.Fprintf(os.Stderr, "filled %d of %d units, %.0f s\n", n, s.mail.n, time.Since(start).Seconds())
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return s.fillLists(ctx)
}

func (s *apiStore) fillUnit(ctx context.Context, events []domain.EmailEvent) error {
	c, err := s.Commit(ctx, ports.Unit{Events: events, Hold: time.Minute})
	if err != nil {
		return err
	}
	return s.Done(ctx, []ports.AnnouncementID{c.Announcement.ID})
}

func (s *apiStore) fillLists(ctx context.Context) error {
	for at := 0; at < apiSuppressions; at += 10_000 {
		list := make([]domain.Suppression, 10_000)
		for i := range list {
			list[i] = domain.Suppression{Address: suppressed(at + i), Reason: domain.SuppressedManually, AddedAt: time.Now().UTC()}
		}
		if _, err := s.Suppress(ctx, list); err != nil {
			return err
		}
	}
	// As autovacuum does in 90 days.
	_, err := s.db.conn.Exec(ctx, "VACUUM ANALYZE")
	return err
}

func suppressed(n int) string { return fmt.Sprintf("user%d@d%05d.example", n*13, n%apiDomains) }
