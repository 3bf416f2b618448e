package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

const (
	apiKinds  = 20              // different ones of each question
	apiAsked  = 300             // times that each is asked
	apiEnough = 6 * time.Second // after which it is asked no more
)

// api measures what the API reads, on 90 days of mail: warm, one question at a
// time, and again while the store takes half of what it can.
func api(ctx context.Context, o options) error {
	debug.SetGCPercent(200) // as the service has it, of which this process has the store
	db, stop, err := startPostgres(ctx, o.postgres)
	if err != nil {
		return err
	}
	defer stop()
	s, err := fillAPI(ctx, db, o.events)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.rollAll(ctx); err != nil {
		return err
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	asked := slices.DeleteFunc(apiQuestions(), func(q apiQuestion) bool { return !only.MatchString(q.name) })
	quiet, err := s.askAll(ctx, asked)
	if err != nil {
		return err
	}
	best, err := s.ingestBest(ctx)
	if err != nil {
		return err
	}
	var busy []took
	err = s.whileIngesting(ctx, best/2, func() (err error) {
		busy, err = s.askAll(ctx, asked)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nReads of %d events over 90 days (%d cores, %s); busy: while %.0f records/s come in\n\n"+
		"| question | asked, ms | p50 | p99 | p50, busy | p99, busy |\n|---|---|---|---|---|---|\n",
		s.mail.n*1000, runtime.NumCPU(), runtime.Version(), best/2)
	for i, q := range asked {
		fmt.Printf("| %s | %d | %.1f | %.1f | %.1f | %.1f |\n", q.name, q.goal.Milliseconds(),
			quiet[i].percentile(50), quiet[i].percentile(99), busy[i].percentile(50), busy[i].percentile(99))
	}
	return s.exports(ctx, o)
}

// took are the times of one question, in order.
type took []time.Duration

// percentile returns one by nearest rank, in milliseconds.
func (t took) percentile(p int) float64 {
	return float64(t[max(0, (len(t)*p+99)/100-1)].Microseconds()) / 1000
}

func (s *apiStore) askAll(ctx context.Context, asked []apiQuestion) ([]took, error) {
	all := make([]took, len(asked))
	for i, q := range asked {
		var err error
		if all[i], err = s.ask(ctx, q); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		fmt.Fprintf(os.Stderr, "%-50s p50 %8.1f ms, p99 %8.1f ms of %d\n", q.name, all[i].percentile(50), all[i].percentile(99), len(all[i]))
	}
	return all, nil
}

func (s *apiStore) ask(ctx context.Context, q apiQuestion) (took, error) {
	var asks []func(context.Context) error
	for n := range apiKinds {
		ask, err := q.ready(ctx, s, n)
		if err != nil {
			return nil, err
		}
		asks = append(asks, ask)
	}
	// Each is asked by each connection, which then has the plan, and finds pages in
	// memory.
	for range 4 {
		for _, ask := range asks {
			if err := ask(ctx); err != nil {
				return nil, err
			}
		}
	}
	var all took
	for start := time.Now(); len(all) < apiAsked && (time.Since(start) < apiEnough || len(all) < apiKinds); {
		ask, asked := asks[rand.IntN(apiKinds)], time.Now()
		if err := ask(ctx); err != nil {
			return nil, err
		}
		all = append(all, time.Since(asked))
	}
	slices.Sort(all)
	return all, nil
}
