package application

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// lookBack is how long before the last position messages may have been accepted
// that something was still said of afterwards: complaints come weeks late.
const lookBack = logsLonger * 24 * time.Hour

// resume returns where to go on from a position: there, if the bus still has all
// that came behind it, else behind what was told from the logs in its place.
func (p *Platform) resume(ctx context.Context, at ports.PlatformPosition) (ports.PlatformPosition, error) {
	span, err := p.feed.Span(ctx)
	if err != nil {
		return at, err
	}
	if at == (ports.PlatformPosition{}) { // the first time: what there is
		to := ports.PlatformPosition{Sequence: span.First - 1}
		return to, p.update(ctx, nil, at, to)
	}
	same, err := p.isSame(ctx, span, at)
	if same || err != nil {
		return at, err
	}
	return p.catchUp(ctx, span, at)
}

// isSame says whether the bus has all that came behind a position, and is the
// one that the position was of.
func (p *Platform) isSame(ctx context.Context, span ports.Span, at ports.PlatformPosition) (bool, error) {
	if !span.Holds(at.Sequence) {
		return false, nil
	}
	if at.Digest == "" {
		return true, nil
	}
	digest, err := p.digestAt(ctx, at.Sequence)
	return digest == at.Digest, err
}

// digestAt returns the digest of a message, "" if the bus has not got it.
func (p *Platform) digestAt(ctx context.Context, sequence uint64) (string, error) {
	if sequence == 0 {
		return "", nil
	}
	for m, err := range p.feed.Read(ctx, sequence-1) {
		switch {
		case errors.Is(err, ports.ErrGone):
			return "", nil
		case err != nil:
			return "", err
		case m.Sequence == sequence:
			return digestOf(m), nil
		}
		break
	}
	return "", nil
}

// catchUp tells the table of all logs that may have changed since the position
// was reached, and then moves it to the end of what the bus has now. Cut short,
// it begins again.
func (p *Platform) catchUp(ctx context.Context, span ports.Span, at ports.PlatformPosition) (ports.PlatformPosition, error) {
	p.log.Warn("the bus no longer has what the platform's table should be told next, it is told from the logs",
		"accepted_since", at.At.Add(-lookBack))
	digest, err := p.digestAt(ctx, span.Last)
	if err != nil {
		return at, err
	}
	ids := map[string]struct{}{}
	for l, err := range p.logs.Logs(ctx, ports.LogFilter{From: at.At.Add(-lookBack), Statuses: settledStatuses}) {
		if err != nil {
			return at, err
		}
		if l.ApplicationID != "" {
			ids[l.MessageID] = struct{}{}
		}
		if len(ids) == platformBatch {
			if err := p.update(ctx, sortedKeys(ids), at, at); err != nil {
				return at, err
			}
			clear(ids)
		}
	}
	to := ports.PlatformPosition{Sequence: span.Last, Digest: digest}
	return to, p.update(ctx, sortedKeys(ids), at, to)
}

var settledStatuses = []domain.Status{
	domain.Expired, domain.Bounced, domain.Delivered, domain.BouncedLate, domain.Complained,
}

func sortedKeys(set map[string]struct{}) []string { return slices.Sorted(maps.Keys(set)) }
