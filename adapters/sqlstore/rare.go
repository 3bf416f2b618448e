package sqlstore

import (
	"slices"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// rareStatuses are those whose logs stand in email_log_rare too. All other logs
// are delivered, or are going to have another status soon.
var rareStatuses = []domain.Status{
	domain.Deferred, domain.Transferred, domain.Expired, domain.Bounced, domain.BouncedLate, domain.Complained,
}

// isRare says whether f is asked of email_log_rare: where it chooses by rare
// statuses alone and not so few logs that all of them can be looked at.
func isRare(f *ports.LogFilter) bool {
	return len(f.Statuses) > 0 && !isNarrow(f) &&
		!slices.ContainsFunc(f.Statuses, func(s domain.Status) bool { return !slices.Contains(rareStatuses, s) })
}

// statusNames are the names of statuses, each once.
func statusNames(statuses []domain.Status) []string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = s.String()
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rareIndexOf returns the index of email_log_rare that serves f best.
func rareIndexOf(f *ports.LogFilter) field {
	if index := indexOf(f); index != byDomain {
		return index
	}
	return byKey // it is a part of all, or a tenant's, logs that are few
}
