package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// apiQuestion is something that the API is asked, and how soon it shall know.
type apiQuestion struct {
	name string
	goal time.Duration // of the 99th percentile
	// ready makes a question ready to be asked of the store, the n-th of its kind.
	ready func(ctx context.Context, s *apiStore, n int) (ask func(context.Context) error, err error)
}

const pageLogs = 50

// apiQuestions are all that have a goal, and some that shall not be worse.
func apiQuestions() []apiQuestion {
	list := lookups()
	for _, q := range []struct {
		name string
		f    func(n int, now time.Time) ports.LogFilter
	}{
		{"tenant", func(n int, _ time.Time) ports.LogFilter { return ports.LogFilter{Tenant: tenant(n)} }},
		{"campaign", func(n int, _ time.Time) ports.LogFilter { return ports.LogFilter{Campaign: campaign(n)} }},
		{"domain", func(n int, _ time.Time) ports.LogFilter { return ports.LogFilter{Domain: largeDomains[n%3]} }},
		{"rare status", func(n int, _ time.Time) ports.LogFilter { return ports.LogFilter{Statuses: rare(n)} }},
		{"tenant and rare status", func(n int, _ time.Time) ports.LogFilter {
			return ports.LogFilter{Tenant: tenant(n), Statuses: rare(n / 10)}
		}},
		{"tenant, campaign and rare status", func(n int, _ time.Time) ports.LogFilter {
			return ports.LogFilter{Tenant: tenant(n), Campaign: campaign(n), Statuses: rare(n / 10)}
		}},
		{"rare status and domain in a day", func(n int, now time.Time) ports.LogFilter {
			return lastDay(now, ports.LogFilter{Domain: fmt.Sprintf("d%05d.example", n), Statuses: rare(n)})
		}},
	} {
		for _, page := range []int{1, 1000} {
			list = append(list, pageQuestion(fmt.Sprintf("page %d by %s", page, q.name), 15*time.Millisecond, page, q.f))
		}
	}
	return append(append(list, unindexed()...), figures()...)
}

// unindexed are pages by what no index serves.
func unindexed() (list []apiQuestion) {
	for _, of := range []struct {
		name string
		f    ports.LogFilter
	}{
		{"provider", ports.LogFilter{Provider: "google"}},
		{"rare provider", ports.LogFilter{Provider: rareProvider}},
		{"silent provider", ports.LogFilter{Provider: silentProvider}},
		{"egress source", ports.LogFilter{EgressSource: "ip-7"}},
		{"silent egress source", ports.LogFilter{EgressSource: silentSource}},
		{"unknown egress source", ports.LogFilter{EgressSource: "ip-none"}},
	} {
		inDay := func(n int, now time.Time) ports.LogFilter { return lastDay(now.AddDate(0, 0, -n), of.f) }
		ofTenant := func(n int, _ time.Time) ports.LogFilter {
			f := of.f
			f.Tenant = tenant(n)
			return f
		}
		list = append(list, pageQuestion("page 1 by "+of.name+" in a day", 50*time.Millisecond, 1, inDay),
			pageQuestion("page 1 by "+of.name+" and tenant", 50*time.Millisecond, 1, ofTenant))
	}
	return list
}

var largeDomains = []string{"gmail.com", "outlook.com", "yahoo.com"}

func tenant(n int) string   { return fmt.Sprintf("tenant-%d", n%10) }
func campaign(n int) string { return fmt.Sprintf("campaign-%d", n%10*apiCampaigns) }

func rare(n int) []domain.Status {
	return domain.ParseStatuses([]string{"bounced", "complained", "expired", "transferred", "deferred"}[n%5])
}

func lastDay(now time.Time, f ports.LogFilter) ports.LogFilter {
	f.From, f.To = now.Add(-24*time.Hour), now
	return f
}

// pageQuestion asks for a page, or for the last before it that is full.
func pageQuestion(name string, goal time.Duration, page int, of func(n int, now time.Time) ports.LogFilter) apiQuestion {
	return apiQuestion{name, goal, func(ctx context.Context, s *apiStore, n int) (func(context.Context) error, error) {
		f := of(n, s.ends())
		place, err := s.placeBehind(ctx, f, (page-1)*pageLogs)
		return func(ctx context.Context) error {
			_, err := s.LogPage(ctx, f, place, pageLogs)
			return err
		}, err
	}}
}

func (s *apiStore) ends() time.Time { return s.mail.from.Add(s.mail.span) }

// placeBehind returns the key of the log at that place of a list, or of the last
// one that has a page behind it.
func (s *apiStore) placeBehind(ctx context.Context, f ports.LogFilter, place int) (key domain.LogKey, err error) {
	const step = 500
	for seen := 0; seen < place; seen += step {
		page, err := s.LogPage(ctx, f, key, step)
		if err != nil {
			return key, err
		}
		if len(page) < step {
			if len(page) > pageLogs {
				key = page[len(page)-pageLogs-1].Key
			}
			return key, nil
		}
		key = page[step-1].Key
	}
	return key, nil
}

// stored returns a message that is stored, the n-th of those asked for.
func (s *apiStore) stored(n int) domain.EmailEvent {
	events := s.mail.unit(rand.New(rand.NewPCG(uint64(n), 11)).IntN(s.mail.n))
	return events[0]
}

// lookups ask for what there is one of, or little.
func lookups() []apiQuestion {
	of := func(name string, ask func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error) apiQuestion {
		return apiQuestion{name, 3 * time.Millisecond, func(_ context.Context, s *apiStore, n int) (func(context.Context) error, error) {
			e := s.stored(n)
			return func(ctx context.Context) error { return ask(ctx, s, &e) }, nil
		}}
	}
	found := func(logs []domain.EmailLog, err error) error {
		if err == nil && len(logs) == 0 {
			err = fmt.Errorf("nothing is found")
		}
		return err
	}
	return []apiQuestion{
		// What any question takes.
		of("nothing: a round trip", func(ctx context.Context, s *apiStore, _ *domain.EmailEvent) error {
			return s.Ping(ctx)
		}),
		of("log by recipient", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			return found(s.LogPage(ctx, ports.LogFilter{Recipient: e.Recipient}, domain.LogKey{}, pageLogs))
		}),
		of("log by recipient of many", func(ctx context.Context, s *apiStore, _ *domain.EmailEvent) error {
			return found(s.LogPage(ctx, ports.LogFilter{Recipient: monitor}, domain.LogKey{}, pageLogs))
		}),
		of("log by application id", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			return found(s.FindLogs(ctx, e.ApplicationID, pageLogs))
		}),
		of("log by message id", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			return found(s.FindLogs(ctx, e.MessageID, pageLogs))
		}),
		of("log by id", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			key, _ := e.LogKey()
			return found(s.FindLogs(ctx, key.String(), pageLogs))
		}),
		of("timeline", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			key, _ := e.LogKey()
			found, err := application.NewLookup(s, nil).Lookup(ctx, key.String())
			if err == nil && len(found.Timeline) < 2 {
				err = fmt.Errorf("%d events of a message", len(found.Timeline))
			}
			return err
		}),
		of("events by message id", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			rows, err := s.EventPage(ctx, ports.EventFilter{MessageID: e.MessageID}, domain.EventID{}, pageLogs)
			if err == nil && len(rows) < 2 {
				err = fmt.Errorf("%d events of a message", len(rows))
			}
			return err
		}),
		of("events by recipient", func(ctx context.Context, s *apiStore, e *domain.EmailEvent) error {
			_, err := s.EventPage(ctx, ports.EventFilter{Recipient: e.Recipient}, domain.EventID{}, pageLogs)
			return err
		}),
		of("events by recipient of many", func(ctx context.Context, s *apiStore, _ *domain.EmailEvent) error {
			_, err := s.EventPage(ctx, ports.EventFilter{Recipient: monitor}, domain.EventID{}, pageLogs)
			return err
		}),
	}
}

// figures are counts, and the lookup of many addresses.
func figures() []apiQuestion {
	count := func(name string, goal time.Duration, q ports.StatsQuery, span time.Duration) apiQuestion {
		return apiQuestion{name, goal, func(_ context.Context, s *apiStore, n int) (func(context.Context) error, error) {
			q.To = s.ends().Truncate(time.Hour).AddDate(0, 0, -n%3)
			q.From = q.To.Add(-span)
			return func(ctx context.Context) error {
				if _, err := s.CountEvents(ctx, q); err != nil {
					return err
				}
				_, err := s.CountMessages(ctx, q)
				return err
			}, nil
		}}
	}
	byProvider := ports.StatsQuery{Width: time.Hour, By: []ports.Dimension{ports.ByProvider}}
	return []apiQuestion{
		count("stats of 24 h by provider", 30*time.Millisecond, byProvider, 24*time.Hour),
		count("stats of 90 days by day", 200*time.Millisecond, ports.StatsQuery{Width: 24 * time.Hour}, 89*24*time.Hour),
		{"suppression lookup of 1,000", 5 * time.Millisecond, func(_ context.Context, s *apiStore, n int) (func(context.Context) error, error) {
			addresses := make([]string, 1000)
			for i := range addresses {
				addresses[i] = suppressed(rand.IntN(2 * apiSuppressions))
			}
			return func(ctx context.Context) error {
				_, err := s.FindSuppressed(ctx, addresses)
				return err
			}, nil
		}},
	}
}
