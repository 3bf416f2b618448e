package main

import (
	"context"
	"errors"
	"time"
)

// laterMail makes mail of the hour behind what is stored, in more units than
// anyone asks for, and says which is next. That of each run is new.
func (s *apiStore) laterMail() func() int {
	n := int(time.Now().Unix()%1_000_000) * 1000
	s.later = apiMail{from: s.ends(), span: time.Hour, n: 2_000_000_000, loud: true}
	return func() int { n++; return n }
}

// ingestBest returns how many records/s can be committed, by one writer at a
// time.
func (s *apiStore) ingestBest(ctx context.Context) (float64, error) {
	next, events, start := s.laterMail(), 0, time.Now()
	for time.Since(start) < 10*time.Second {
		unit := s.later.unit(next())
		if err := s.fillUnit(ctx, unit); err != nil {
			return 0, err
		}
		events += len(unit)
	}
	return float64(events) / time.Since(start).Seconds(), nil
}

// whileIngesting does work while records come in at a rate.
func (s *apiStore) whileIngesting(ctx context.Context, rate float64, work func() error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		next, due := s.laterMail(), time.Now()
		for ctx.Err() == nil {
			unit := s.later.unit(next())
			due = due.Add(time.Duration(float64(len(unit)) / rate * float64(time.Second)))
			err := s.fillUnit(ctx, unit)
			if err == nil {
				err = s.rollAll(ctx)
			}
			if err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
			}
		}
		ended <- nil
	}()
	err := work()
	stop()
	return errors.Join(err, <-ended)
}

// rollAll sums up what was committed, as the service does in the background.
func (s *apiStore) rollAll(ctx context.Context) error {
	for {
		if more, err := s.Roll(ctx); err != nil || !more {
			return err
		}
	}
}
