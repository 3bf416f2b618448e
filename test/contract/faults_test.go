package contract_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Stories that many faults have to fail.
const (
	law   = "StoredLogsAreJoinOfAllEvents"
	facts = "Journal/JoinsEachFactWhateverTheOrder"
)

// messageID is that of the suites' message 1.
const messageID = "019ca9450de870008000000000000001"

var background = context.Background()

// fault is what a store may do wrong, and the story that has to notice it.
type fault struct {
	fault, story string
	breaks       breaks
}

var faults = []fault{
	{"forgets second part", "Journal/KeepsAllPartsOfRecord", unit(func(u *ports.Unit) {
		u.Events = slices.DeleteFunc(slices.Clone(u.Events), func(e domain.EmailEvent) bool { return e.Part == 1 })
	})},
	{"marks duplicates new", "Journal/MarksEventNewOnceAcrossUnits", answer(func(c *ports.Committed, _ ports.Unit) {
		c.New = slices.Repeat([]bool{true}, len(c.New))
	})},
	{"marks last copy new", "Journal/MarksEventNewOnceInUnit", answer(func(c *ports.Committed, u ports.Unit) {
		slices.Reverse(c.New)
	})},
	{"keeps last copy", "Journal/KeepsFirstCopyOfDuplicate", keepsLastCopy},
	{"mends raw bytes", "Journal/KeepsAwkwardRecordsByteForByte", event(func(e *domain.EmailEvent) {
		e.Raw = strings.ToValidUTF8(e.Raw, "?")
	})},
	{"cuts texts", "Journal/KeepsAwkwardRecordsByteForByte", event(func(e *domain.EmailEvent) {
		e.Response.Content = e.Response.Content[:min(len(e.Response.Content), 65535)]
	})},
	{"keeps seconds", "Journal/KeepsFirstCopyOfDuplicate", event(func(e *domain.EmailEvent) {
		e.ReceivedAt = e.ReceivedAt.Truncate(time.Second)
	})},
	{"reads local times", "Journal/KeepsAllPartsOfRecord", event(func(e *domain.EmailEvent) {
		e.OccurredAt = e.OccurredAt.In(time.FixedZone("", 0))
	})},
	{"forgets what known copies say", "Journal/JoinsWhatKnownCopiesSay",
		joining(func(known, _ domain.EmailLog) domain.EmailLog { return known })},
	{"overwrites status", "Journal/NeverLowersStatus", joining(overwriteStatus)},
	{"makes logs of reports", "Journal/MakesLogsOfMailOnly", unit(func(u *ports.Unit) {
		u.Events = slices.Clone(u.Events)
		for i := range u.Events {
			if u.Events[i].Type == domain.OOB {
				u.Events[i].Type = domain.Bounce
			}
		}
	})},
	{"announces known events", "Journal/AnnouncesNewEventsInOrder", answer(func(c *ports.Committed, u ports.Unit) {
		c.Announcement.Events = append(c.Announcement.Events, c.Announcement.Events[0])
	})},
	{"announces by id", "Journal/AnnouncesNewEventsInOrder", answer(func(c *ports.Committed, _ ports.Unit) {
		slices.SortFunc(c.Announcement.Events, func(a, b ports.Announced) int {
			return bytes.Compare(a.Event.ID[:], b.Event.ID[:])
		})
	})},
	{"announces status of event alone", "Journal/AnnouncesStatusAfterCommit",
		answer(func(c *ports.Committed, _ ports.Unit) {
			for i, a := range c.Announcement.Events {
				if said := domain.AppendLogs(nil, a.Event); len(said) > 0 {
					c.Announcement.Events[i].Status = said[0].Status()
				}
			}
		})},
	{"announces nothing new", "Journal/AnnouncesNothingWithoutNewEvents",
		answer(func(c *ports.Committed, _ ports.Unit) { c.Announcement.ID = max(c.Announcement.ID, 1) })},
	{"numbers downward", "Journal/NumbersAnnouncementsUpward",
		answer(func(c *ports.Committed, _ ports.Unit) { c.Announcement.ID = 1000 - c.Announcement.ID })},
	{"loses rejects", "Journal/QuarantinesRejectsOnce", unit(func(u *ports.Unit) { u.Rejects = nil })},
	{"keeps rejects twice", "Journal/QuarantinesRejectsOnce",
		list(func(page []ports.Quarantined) []ports.Quarantined { return append(page, page...) })},
	{"loses the end of large units", "Journal/TakesLargeUnit",
		unit(func(u *ports.Unit) { u.Events = u.Events[:min(len(u.Events), 1000)] })},

	{"stays open", "Whole/ClosedStoreIsUnavailable", func(b *broken) { b.close = func() error { return nil } }},
	{"stores half", "Whole/EndedContextStoresWholeUnitOrNothing", underEndedContext(func(b *broken, u ports.Unit) {
		_, _ = b.Store.Commit(background, ports.Unit{Events: u.Events[:len(u.Events)/2]})
	})},
	{"stores rejects alone", "Whole/EndedContextStoresWholeUnitOrNothing",
		underEndedContext(func(b *broken, u ports.Unit) {
			_, _ = b.Store.Commit(background, ports.Unit{Rejects: u.Rejects})
		})},
	{"stores without announcing", "Whole/EndedContextStoresWholeUnitOrNothing",
		underEndedContext(func(b *broken, u ports.Unit) {
			c, _ := b.Store.Commit(background, u)
			_ = b.Store.Done(background, []ports.AnnouncementID{c.Announcement.ID})
		})},
	{"announces without storing", "Whole/EndedContextStoresWholeUnitOrNothing",
		underEndedContext(func(b *broken, u ports.Unit) {
			b.claim = func(context.Context, int, time.Duration) ([]ports.Announcement, error) {
				return []ports.Announcement{{ID: 1, Events: []ports.Announced{{Event: &u.Events[0]}}}}, nil
			}
		})},
	{"looks before it takes", "Whole/ConcurrentOverlappingUnitsMarkEachEventNewOnce", looksBeforeItTakes},

	{"last tenant wins", law, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		l.Tenant = said.Tenant
		return l
	})},
	{"orders names regardless of case", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if known.Tenant != "" && said.Tenant != "" && strings.ToLower(known.Tenant) < strings.ToLower(said.Tenant) {
			l.Tenant = known.Tenant
		}
		return l
	})},
	{"adds attempts", law, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		l.Attempts = known.Attempts + said.Attempts
		return l
	})},
	{"last delivery wins", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if said.DeliveredAt.After(l.DeliveredAt) {
			l.DeliveredAt = said.DeliveredAt
		}
		return l
	})},
	{"keeps a known text", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if known.Provider != "" {
			l.Provider = known.Provider
		}
		return l
	})},
	{"forgets an unknown text", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		l.Sender = min(known.Sender, said.Sender)
		return l
	})},
	{"lets the first deferral decide", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if l.Decision.Status == domain.Deferred && known.Decision.Status == said.Decision.Status &&
			known.Decision.At.Before(said.Decision.At) {
			l.Decision = known.Decision
		}
		return l
	})},
	{"first of a rank decides", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if said.Decision.Status <= known.Decision.Status {
			l.Decision = known.Decision
		}
		return l
	})},

	{"ignores Hold", "Outbox/HidesWhatCommitterHolds", unit(func(u *ports.Unit) { u.Hold = 0 })},
	{"holds for ever", "Outbox/GivesBackWhatCommitterDidNotDo", unit(func(u *ports.Unit) { u.Hold *= 1000 })},
	{"claims for ever", "Outbox/GivesBackWhatWasNotDone",
		claims(func(_ *int, hold *time.Duration) { *hold *= 1000 }, asIs)},
	{"claims newest first", "Outbox/ClaimsOldestFirstUpToLimit", claims(asAsked, reverse)},
	{"claims over limit", "Outbox/ClaimsOldestFirstUpToLimit",
		claims(func(limit *int, _ *time.Duration) { *limit++ }, asIs)},
	{"gives what is claimed", "Outbox/HidesWhatIsClaimed", repeatsClaims(1)},
	{"gives some to two claimers", "Outbox/NeverGivesTwoClaimersTheSame", repeatsClaims(5)},
	{"gives new ids", "Outbox/GivesBackWhatWasNotDone", numbersClaimsAnew},
	{"announces status of commit", "Outbox/ClaimsWithStatusesOfNow", claimsStatusOfCommit},
	{"queues nothing", "Outbox/ClaimsNewEventsAsCommitted", func(b *broken) {
		b.commit = func(ctx context.Context, u ports.Unit) (ports.Committed, error) {
			c, err := b.Store.Commit(ctx, u)
			return c, errors.Join(err, b.Store.Done(ctx, []ports.AnnouncementID{c.Announcement.ID}))
		}
	}},
	{"never forgets", "Outbox/ForgetsWhatIsDone", func(b *broken) {
		b.done = func(context.Context, []ports.AnnouncementID) error { return nil }
	}},
	{"minds unknown ids", "Outbox/IgnoresUnknownIDs", func(b *broken) {
		b.done = func(ctx context.Context, ids []ports.AnnouncementID) error {
			if slices.ContainsFunc(ids, func(id ports.AnnouncementID) bool { return id > 1000 }) {
				return ports.ErrNotFound
			}
			return b.Store.Done(ctx, ids)
		}
	}},

	{"swaps cutoffs", "Pruner/RemovesLogsByTimeInKey",
		cutoffs(func(events, logs time.Time) (time.Time, time.Time) { return logs, events })},
	{"prunes nothing", "Pruner/RemovesEventsByTimeInID",
		cutoffs(func(_, _ time.Time) (time.Time, time.Time) { return time.Time{}, time.Time{} })},
	{"prunes the cutoff too", "Pruner/RemovesEventsByTimeInID",
		cutoffs(func(events, logs time.Time) (time.Time, time.Time) { return events.Add(time.Millisecond), logs })},
	{"prunes a day too little", "Pruner/RemovesEventsByTimeInID",
		cutoffs(func(events, logs time.Time) (time.Time, time.Time) { return events.AddDate(0, 0, -1), logs })},
	{"takes zero for now", "Pruner/KeepsAllAtZeroTimes",
		cutoffs(func(_, _ time.Time) (time.Time, time.Time) { return time.Now(), time.Now() })},
	{"takes time 0 for 1970", "Pruner/RemovesTimelessByArrival", prunesAllTimeless},
	{"blocks claims", "Pruner/LeavesClaimUnblocked", func(b *broken) {
		b.prune = func(ctx context.Context, events, logs time.Time) (int64, error) {
			b.claim = func(context.Context, int, time.Duration) ([]ports.Announcement, error) { return nil, nil }
			return b.Store.Prune(ctx, events, logs)
		}
	}},

	{"lists oldest first", "Quarantine/ListsNewestFirstInPages", list(reverse)},
	{"lists bytes", "Quarantine/ListsNewestFirstInPages", list(func(page []ports.Quarantined) []ports.Quarantined {
		for i := range page {
			page[i].Raw = "{"
		}
		return page
	})},
	{"starts over at each page", "Quarantine/ListsSameInstantOnceInPages", func(b *broken) {
		b.list = func(ctx context.Context, _ domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
			return b.Store.List(ctx, domain.QuarantineID{}, limit)
		}
	}},
	{"finds what is not there", "Quarantine/FindsNothingOfUnknownID", func(b *broken) {
		b.get = func(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
			q, _ := b.Store.Get(ctx, id)
			return q, nil
		}
	}},

	{"streams oldest first", "LogReader/StreamsLogsNewestAcceptanceFirst", logs(reverse)},
	{"streams undated logs by acceptance", "LogReader/StreamsUndatedLogsLast", logs(func(all []domain.EmailLog) []domain.EmailLog {
		slices.SortFunc(all, func(a, b domain.EmailLog) int { return b.AcceptedAt.Compare(a.AcceptedAt) })
		return all
	})},
	{"ignores message", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.MessageID = "" })},
	{"ignores application", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.ApplicationID = "" })},
	{"ignores recipient", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.Recipient = "" })},
	{"ignores statuses", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.Statuses = nil })},
	{"ignores tenant", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.Tenant = "" })},
	{"ignores campaign", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.Campaign = "" })},
	{"ignores from", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.From = time.Time{} })},
	{"ignores to", "LogReader/ChoosesLogsByFilter", filter(func(f *ports.LogFilter) { f.To = time.Time{} })},
	{"finds by application in any case", "LogReader/FindsLogsByAnyID",
		finds(func(id *string, _ *int) { *id = strings.ReplaceAll(*id, "APP", "app") })},
	{"finds by message in one spelling", "LogReader/FindsLogsByAnyID",
		found(func(id string, logs []domain.EmailLog) []domain.EmailLog {
			return slices.DeleteFunc(logs, func(l domain.EmailLog) bool {
				return l.MessageID != id && l.ApplicationID != id && l.Key.String() != id
			})
		})},
	{"finds by application only what no message is", "LogReader/FindsLogsByAnyID",
		found(func(id string, logs []domain.EmailLog) []domain.EmailLog {
			isMessage := slices.ContainsFunc(logs, func(l domain.EmailLog) bool { return l.MessageID == id })
			return slices.DeleteFunc(logs, func(l domain.EmailLog) bool { return isMessage && l.MessageID != id })
		})},
	{"lets others take a log's id", "LogReader/FindsLogByItsOwnIDAlone", func(b *broken) {
		b.find = func(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
			own, err := b.Store.FindLogs(ctx, id, limit)
			for l, logErr := range b.Store.Logs(ctx, ports.LogFilter{ApplicationID: id}) {
				own, err = append(own, l), errors.Join(err, logErr)
			}
			return own, err
		}
	}},
	{"finds least keys first", "LogReader/FindsUpToLimit",
		found(func(_ string, logs []domain.EmailLog) []domain.EmailLog { return reverse(logs) })},
	{"finds over limit", "LogReader/FindsUpToLimit", finds(func(_ *string, limit *int) { *limit++ })},
	{"takes no id for any", "LogReader/FindsNothingByOddIDs",
		finds(func(id *string, _ *int) { *id = cmp.Or(*id, messageID) })},
	{"cuts ids at NUL", "LogReader/FindsNothingByOddIDs",
		finds(func(id *string, _ *int) { *id, _, _ = strings.Cut(*id, "\x00") })},
	{"counts copies", "Stats/CountEventsOfOneCopy", counts(func(rows []ports.EventCount) { rows[0].Count++ })},
	{"shifts buckets", "Stats/CountEventsInBuckets", counts(func(rows []ports.EventCount) {
		for i := range rows {
			rows[i].Bucket = rows[i].Bucket.Add(time.Minute)
		}
	})},
	{"reads events backwards", "LogReader/ReadsEventsInOrderOfTimeAndID",
		events(func(all []domain.EmailEvent) { slices.Reverse(all) })},
	{"knows one spelling", "LogReader/TakesAnySpellingOfMessageID", func(b *broken) {
		b.events = func(ctx context.Context, id string) ([]domain.EmailEvent, error) {
			if id != domain.NormalizeMessageID(id) {
				return nil, nil
			}
			return b.Store.Events(ctx, id)
		}
	}},
	{"hides read errors", "LogReader/EndedContextIsUnavailable", func(b *broken) {
		b.logs = func(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
			return func(func(domain.EmailLog, error) bool) {}
		}
	}},
}
