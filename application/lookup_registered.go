package application

import (
	"context"
	"slices"

	"github.com/kumotrail/kumotrail/domain"
)

// Registrations are read from the store each time and never kept in the cache:
// only commits make it forget, so that what is registered would be seen late.

// withRegistered adds to the logs that id was found by what is registered by it
// and has no log yet. Of a single one it returns the registration, nil for none.
func (l *Lookup) withRegistered(ctx context.Context, id string, logs []domain.EmailLog) ([]domain.EmailLog, *domain.Registration, error) {
	if key, err := domain.ParseLogKey(id); err == nil && len(logs) == 1 && logs[0].Key == key { // means that log alone
		registration, err := l.registrationOf(ctx, &logs[0], nil)
		return logs, registration, err
	}
	if len(logs) == MaxCandidates {
		return logs, nil, nil // the registered ones may have logs beyond these
	}
	regs, err := l.logs.FindRegistrations(ctx, id, MaxCandidates)
	if err != nil {
		return nil, nil, err
	}
	if len(logs) == 0 && len(regs) == 1 && regs[0].ApplicationID != id { // by its own id
		if logs, err = l.logsOf(ctx, &regs[0]); err != nil {
			return nil, nil, err
		}
	}
	for i := range regs {
		if len(logs) < MaxCandidates && !slices.ContainsFunc(logs, func(log domain.EmailLog) bool { return regs[i].IsOf(&log) }) {
			logs = append(logs, regs[i].Pending())
		}
	}
	if len(logs) != 1 {
		return logs, nil, nil
	}
	registration, err := l.registrationOf(ctx, &logs[0], regs)
	return logs, registration, err
}

// logsOf returns the logs of a registered message, of which each transfer
// between nodes makes another.
func (l *Lookup) logsOf(ctx context.Context, r *domain.Registration) ([]domain.EmailLog, error) {
	logs, err := l.find(ctx, r.ApplicationID)
	return slices.DeleteFunc(logs, func(log domain.EmailLog) bool { return !r.IsOf(&log) }), err
}

// registrationOf returns the registration of a log, which is among regs if the
// log was found by the application's id.
func (l *Lookup) registrationOf(ctx context.Context, log *domain.EmailLog, regs []domain.Registration) (*domain.Registration, error) {
	i := slices.IndexFunc(regs, func(r domain.Registration) bool { return r.IsOf(log) })
	if i >= 0 {
		return &regs[i], nil
	}
	if log.ApplicationID == "" {
		return nil, nil
	}
	found, err := l.logs.FindRegistrations(ctx, domain.NewRegistrationID(log.ApplicationID, log.Recipient).String(), 1)
	if err != nil || len(found) == 0 || !found[0].IsOf(log) {
		return nil, err
	}
	return &found[0], nil
}
