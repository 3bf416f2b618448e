package contract

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestLogPages holds a store to the words of ports.LogPages.
func TestLogPages(t *testing.T, open Open) {
	tellAll(t, "LogPages", open, []story{
		{"PagesThroughLogsByEachFilter", pagesByEachFilter},
		{"PagesThroughLogsByFiltersTogether", pagesByFiltersTogether},
		{"EndsPageAtLimit", endsPageAtLimit},
		{"ShowsEachLogOnceWhileOthersCommit", pagesWhileOthersCommit},
		{"ShowsUndatedLogsLast", showsUndatedLast},
		{"FindsAcceptanceToTheMicrosecond", findsAcceptance},
		{"HidesLogsThatAreNotConfirmed", pagesHideUnconfirmed},
		{"KeepsReportsApart", keepsReportsApart},
		{"FollowsStatusesAsTheyChange", followsStatuses},
		{"TellsTenantsApartByStatus", tellsTenantsApart},
		{"ShowsStatusesOfNowBetweenPages", showsStatusesOfNow},
		{"LeavesOutPrunedLogsByStatus", prunesLists},
		{"TellsKindsOfBouncesApart", tellsBouncesApart},
		{"FindsWhatIsRareOrSilent", findsSilent},
		{"FindsWhatUnitsHaveFewOf", findsSeldom},
		{"PagesThroughLogsByEachFilterWhileRolling", whileRolling(pagesByEachFilter)},
		{"PagesThroughLogsByFiltersTogetherWhileRolling", whileRolling(pagesByFiltersTogether)},
		{"EndsPageAtLimitWhileRolling", whileRolling(endsPageAtLimit)},
		{"KeepsReportsApartWhileRolling", whileRolling(keepsReportsApart)},
		{"ShowsUndatedLogsLastWhileRolling", whileRolling(showsUndatedLast)},
		{"FindsWhatIsRareOrSilentWhileRolling", whileRolling(findsSilent)},
		{"FindsWhatUnitsHaveFewOfWhileRolling", whileRolling(findsSeldom)},
		{"PagesThroughThousandsWhileRolling", whileRolling(pagesOfManyLists)},
		{"FollowsWhatLogsAreListedBy", followsLists},
		{"MissesNothingBesideRolls", missesNothingBesideRolls},
		{"ChoosesNothingByOddTexts", choosesNothingByOddTexts},
		{"EndedContextIsUnavailable", endedContextPages},
	})
}

// logPages returns what all pages of that limit show.
func logPages(t *testing.T, s Store, f ports.LogFilter, limit int) []domain.EmailLog {
	t.Helper()
	var all []domain.EmailLog
	var before domain.LogKey
	for {
		page, err := s.LogPage(context.Background(), f, before, limit)
		fine(t, "page of logs", err)
		if len(page) > limit {
			t.Fatalf("a page of %d logs, want %d at most", len(page), limit)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		before = page[len(page)-1].Key
	}
}

// mixedRecords are of messages that differ in everything that may be asked for.
func mixedRecords() []Record {
	var records []Record
	kinds := []string{"Delivery", "Bounce", "TransientFailure", "Reception", "XferOut", "Expiration"}
	for i := range 60 {
		r := record(kinds[i%6], i, i+5, mixedRecipients[i%7])
		r.Tenant = []string{"acme", "Acme", "o'neill", ""}[i%4]
		r.Campaign = []string{"spring", "%", ""}[i%3]
		r.ApplicationID = []string{"", fmt.Sprintf("app-%d", i/4)}[i%2]
		r.Provider = []string{"google", "microsoft-365", "", "google "}[i/4%4]
		r.EgressSource = []string{"ip-1", "ip-2", ""}[i/3%3]
		if kinds[i%6] == "Bounce" {
			r.Verdict = domain.Verdict{Cause: []domain.Cause{domain.CauseRecipient, domain.CauseSender}[i%4/2], Permanence: domain.Permanent}
		}
		if i%10 == 9 {
			r.MessageID = fmt.Sprintf("odd %d", i)
		}
		records = append(records, r)
	}
	old := record("Delivery", 61, 66, "a@example.com", "b@example.com")
	old.MessageID, old.AcceptedAt = idAt(noon.AddDate(0, 0, -40), 61), noon.AddDate(0, 0, -40)
	return append(records, old, record("Delivery", 62, 66, mixedRecipients...))
}

var mixedRecipients = []string{
	"a@example.com", "b@example.com", "A@EXAMPLE.com", "c@example.org", `"x@y"@example.org`, "d'\\%_@sub.example.com", "ü@exämple.com",
}

// pageFilters are one of each field.
func pageFilters() map[string]filter {
	type log = *domain.EmailLog
	of := func(names ...string) func(l log) bool {
		return func(l log) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(l.Recipient, "@"+n) })
		}
	}
	return map[string]filter{
		"domain":                {ports.LogFilter{Domain: "example.com"}, of("example.com")},
		"domain in other case":  {ports.LogFilter{Domain: "Example.ORG"}, of("example.org")},
		"domain below another":  {ports.LogFilter{Domain: "sub.example.com"}, of("sub.example.com")},
		"domain not in ASCII":   {ports.LogFilter{Domain: "exämple.com"}, of("exämple.com")},
		"no domain, a part":     {ports.LogFilter{Domain: "ample.com"}, func(log) bool { return false }},
		"no domain, a pattern":  {ports.LogFilter{Domain: "%"}, func(log) bool { return false }},
		"provider":              {ports.LogFilter{Provider: "google"}, func(l log) bool { return l.Provider == "google" }},
		"egress source":         {ports.LogFilter{EgressSource: "ip-2"}, func(l log) bool { return l.EgressSource == "ip-2" }},
		"cause":                 {ports.LogFilter{Cause: domain.CauseSender}, func(l log) bool { return l.Decision.Verdict.Cause == domain.CauseSender }},
		"no cause":              {ports.LogFilter{Cause: "nobody's"}, func(log) bool { return false }},
		"recipient with quotes": {ports.LogFilter{Recipient: `"x@y"@example.org`}, func(l log) bool { return l.Recipient == `"x@y"@example.org` }},
		"recipient":             {ports.LogFilter{Recipient: "a@example.com"}, func(l log) bool { return l.Recipient == "a@example.com" }},
		"message":               {ports.LogFilter{MessageID: messageID(62)}, func(l log) bool { return l.MessageID == messageID(62) }},
		"odd message":           {ports.LogFilter{MessageID: "ODD 9"}, func(l log) bool { return l.MessageID == "odd 9" }},
		"application":           {ports.LogFilter{ApplicationID: "app-3"}, func(l log) bool { return l.ApplicationID == "app-3" }},
		"tenant":                {ports.LogFilter{Tenant: "o'neill"}, func(l log) bool { return l.Tenant == "o'neill" }},
		"campaign":              {ports.LogFilter{Campaign: "%"}, func(l log) bool { return l.Campaign == "%" }},
		"status":                {ports.LogFilter{Statuses: []domain.Status{domain.Bounced, domain.BouncedLate}}, func(l log) bool { return l.Status() == domain.Bounced }},
		"from":                  {ports.LogFilter{From: at(20)}, func(l log) bool { return !l.AcceptedAt.Before(at(20)) }},
		"to":                    {ports.LogFilter{To: at(20)}, func(l log) bool { return l.AcceptedAt.Before(at(20)) }},
		"range":                 {ports.LogFilter{From: at(8), To: at(30)}, func(l log) bool { return !l.AcceptedAt.Before(at(8)) && l.AcceptedAt.Before(at(30)) }},
		"no range":              {ports.LogFilter{From: at(20), To: at(20)}, func(log) bool { return false }},
		"far past":              {ports.LogFilter{From: time.Date(-300, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)}, func(log) bool { return false }},
		"from long ago":         {ports.LogFilter{From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}, func(log) bool { return true }},
		"to long after":         {ports.LogFilter{To: time.Date(2110, 1, 1, 0, 0, 0, 0, time.UTC)}, func(log) bool { return true }},
		"no far future":         {ports.LogFilter{From: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}, func(log) bool { return false }},
		"all times":             {ports.LogFilter{From: time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, func(log) bool { return true }},
	}
}

func pagesByEachFilter(t *testing.T, s Store) {
	commitRecords(t, s, mixedRecords()...)
	all := byKey(mixedRecords()...)
	for name, f := range pageFilters() {
		want := chosen(all, f.chooses)
		if wanted := !strings.HasPrefix(name, "no ") && name != "far past"; wanted != (len(want) > 0) {
			t.Fatalf("filter by %s: chooses %d logs, so it says nothing", name, len(want))
		}
		for _, limit := range []int{1, 7, 500} {
			same(t, fmt.Sprintf("pages of %d by %s", limit, name), want, logPages(t, s, f.LogFilter, limit))
		}
		got := readLogs(t, s, f.LogFilter)
		slices.SortFunc(got, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
		same(t, "stream by "+name, want, got)
	}
}

func chosen(logs []domain.EmailLog, chooses func(*domain.EmailLog) bool) []domain.EmailLog {
	return slices.DeleteFunc(slices.Clone(logs), func(l domain.EmailLog) bool { return !chooses(&l) })
}

// pagesByFiltersTogether asks by two fields at once, whichever has an index.
func pagesByFiltersTogether(t *testing.T, s Store) {
	commitRecords(t, s, mixedRecords()...)
	all := byKey(mixedRecords()...)
	filters := pageFilters()
	names := slices.Sorted(maps.Keys(filters))
	found := 0
	for i, one := range names {
		for _, two := range names[i+1:] {
			a, b := filters[one], filters[two]
			f, ok := merged(a.LogFilter, b.LogFilter)
			if !ok {
				continue
			}
			want := chosen(all, func(l *domain.EmailLog) bool { return a.chooses(l) && b.chooses(l) })
			if len(want) > 0 {
				found++
			}
			same(t, "logs by "+one+" and "+two, want, logPages(t, s, f, 500))
		}
	}
	if found < 40 {
		t.Fatalf("%d pairs of filters choose something, so they say little", found)
	}
}

// merged returns the filter that asks for what both do, if it has room for it.
func merged(a, b ports.LogFilter) (ports.LogFilter, bool) {
	ok := true
	text := func(x, y string) string {
		ok = ok && (x == "" || y == "")
		return x + y
	}
	when := func(x, y time.Time) time.Time {
		ok = ok && (x.IsZero() || y.IsZero())
		if x.IsZero() {
			return y
		}
		return x
	}
	ok = ok && (len(a.Statuses) == 0 || len(b.Statuses) == 0)
	return ports.LogFilter{
		MessageID: text(a.MessageID, b.MessageID), ApplicationID: text(a.ApplicationID, b.ApplicationID),
		Recipient: text(a.Recipient, b.Recipient), Domain: text(a.Domain, b.Domain),
		Statuses: append(slices.Clone(a.Statuses), b.Statuses...), Tenant: text(a.Tenant, b.Tenant),
		Campaign: text(a.Campaign, b.Campaign), Provider: text(a.Provider, b.Provider),
		EgressSource: text(a.EgressSource, b.EgressSource), Cause: domain.Cause(text(string(a.Cause), string(b.Cause))),
		From: when(a.From, b.From), To: when(a.To, b.To),
	}, ok
}

func endsPageAtLimit(t *testing.T, s Store) {
	// Logs of one message differ in the last bytes of their keys alone.
	many := record("Delivery", 1, 5)
	for i := range 30 {
		many.Recipients = append(many.Recipients, fmt.Sprintf("user%d@example.com", i))
	}
	many.Tenant = "acme"
	commitRecords(t, s, many)
	all := byKey(many)
	for _, f := range []ports.LogFilter{{}, {Tenant: "acme"}, {MessageID: messageID(1)}, {Domain: "example.com"}} {
		for _, limit := range []int{1, 29, 30, 31} {
			page, err := s.LogPage(context.Background(), f, domain.LogKey{}, limit)
			fine(t, "page of logs", err)
			same(t, fmt.Sprintf("first %d logs", limit), all[:min(limit, 30)], page)
			rest, err := s.LogPage(context.Background(), f, all[limit/2].Key, limit)
			fine(t, "page of logs", err)
			same(t, "logs behind a key", all[limit/2+1:min(limit/2+1+limit, 30)], rest)
		}
	}
	none, err := s.LogPage(context.Background(), ports.LogFilter{}, all[29].Key, 10)
	fine(t, "page behind the last", err)
	same(t, "logs behind the last", 0, len(none))
}

func pagesWhileOthersCommit(t *testing.T, s Store) {
	records := deliveries(100, 50)
	commitRecords(t, s, records...)
	want := byKey(records...)
	var seen []domain.EmailLog
	var before domain.LogKey
	for n := 0; ; n++ {
		page, err := s.LogPage(context.Background(), ports.LogFilter{}, before, 7)
		fine(t, "page of logs", err)
		seen = append(seen, page...)
		if len(page) < 7 {
			break
		}
		before = page[len(page)-1].Key
		// Newer ones, older ones, and a word more on one that was shown.
		commitRecords(t, s, deliveries(1000+n, 1)...)
		commitRecords(t, s, record("OOB", 100+n, 900, "a@example.com"))
		commitRecords(t, s, deliveries(99-n, 1)...)
	}
	seen = slices.DeleteFunc(seen, func(l domain.EmailLog) bool {
		return l.AcceptedAt.Before(at(100)) || !l.AcceptedAt.Before(at(150))
	})
	same(t, "logs of before", want, seen)
}

func showsUndatedLast(t *testing.T, s Store) {
	records := deliveries(0, 6)
	for i := range records[:3] {
		records[i].MessageID = fmt.Sprintf("undated %d", i)
		records[i].AcceptedAt = at(100 + i)
	}
	commitRecords(t, s, records...)
	want := byKey(records...)
	if _, dated := want[5].Key.Time(); dated {
		t.Fatal("the last log has a time, so it says nothing")
	}
	for _, f := range []ports.LogFilter{{}, {From: at(0)}, {To: at(200)}, {From: at(3), To: at(103)}} {
		same(t, "logs", want, logPages(t, s, f, 2))
	}
	same(t, "undated logs", want[3:], logPages(t, s, ports.LogFilter{From: at(100), To: at(103)}, 2))
}

func findsAcceptance(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com")
	r.AcceptedAt = at(1).Add(123 * time.Microsecond) // within the millisecond of the key
	commitRecords(t, s, r)
	for name, c := range map[string]struct {
		from, to time.Time
		found    int
	}{
		"from then":             {r.AcceptedAt, time.Time{}, 1},
		"from after it":         {r.AcceptedAt.Add(time.Nanosecond), time.Time{}, 0},
		"to then":               {time.Time{}, r.AcceptedAt, 0},
		"to after it":           {time.Time{}, r.AcceptedAt.Add(time.Nanosecond), 1},
		"within its ms":         {at(1).Add(100 * time.Microsecond), at(1).Add(200 * time.Microsecond), 1},
		"within its ms, before": {at(1), at(1).Add(100 * time.Microsecond), 0},
	} {
		same(t, "logs "+name, c.found, len(logPages(t, s, ports.LogFilter{From: c.from, To: c.to}, 5)))
	}
}

func pagesHideUnconfirmed(t *testing.T, s Store) {
	out := record("XferOut", 1, 5, "a@example.com")
	out.TransferID = messageID(2)
	commitRecords(t, s, out)
	for _, f := range []ports.LogFilter{{}, {Recipient: "a@example.com"}, {Domain: "example.com"}} {
		same(t, "logs", byKey(out), logPages(t, s, f, 5))
	}
	same(t, "logs of the other id", 0, len(logPages(t, s, ports.LogFilter{MessageID: messageID(2)}, 5)))
}

func keepsReportsApart(t *testing.T, s Store) {
	mail := record("Delivery", 1, 5, "a@example.com")
	report := record("Reception", 2, 5, "a@example.com")
	report.OfReport = true
	commitRecords(t, s, mail, report)
	for _, f := range []ports.LogFilter{{Recipient: "a@example.com"}, {Domain: "example.com"}, {}} {
		same(t, "logs of mail", byKey(mail), logPages(t, s, f, 5))
		f.Reports = true
		same(t, "logs of reports", byKey(report), logPages(t, s, f, 5))
	}
}

func choosesNothingByOddTexts(t *testing.T, s Store) {
	commitRecords(t, s, mixedRecords()...)
	for _, odd := range []string{"\x00", "a\x00", "\xff", "' OR '1'='1", "$1", "?", strings.Repeat("a", 1<<16)} {
		for _, f := range []ports.LogFilter{
			{MessageID: odd}, {ApplicationID: odd}, {Recipient: odd}, {Domain: odd}, {Tenant: odd},
			{Campaign: odd}, {Provider: odd}, {EgressSource: odd}, {Cause: domain.Cause(odd)},
		} {
			same(t, "logs by an odd text", 0, len(logPages(t, s, f, 5)))
		}
		for _, f := range []ports.EventFilter{{MessageID: odd}, {Recipient: odd}} {
			same(t, "events by an odd text", 0, len(eventPages(t, s, f, 5)))
		}
	}
}

func endedContextPages(t *testing.T, s Store) {
	commitRecords(t, s, deliveries(0, 3)...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.LogPage(ctx, ports.LogFilter{}, domain.LogKey{}, 5)
	is(t, "page of logs under an ended context", err, ports.ErrUnavailable)
	_, err = s.EventPage(ctx, ports.EventFilter{}, domain.EventID{}, 5)
	is(t, "page of events under an ended context", err, ports.ErrUnavailable)
	_, err = s.Event(ctx, eventsOf(deliveries(0, 1)...)[0].ID)
	is(t, "event under an ended context", err, ports.ErrUnavailable)
	fine(t, "close", s.Close())
	_, err = s.LogPage(context.Background(), ports.LogFilter{}, domain.LogKey{}, 5)
	is(t, "page of a closed store", err, ports.ErrUnavailable)
	_, err = s.Event(context.Background(), eventsOf(deliveries(0, 1)...)[0].ID)
	is(t, "event of a closed store", err, ports.ErrUnavailable)
}
