package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.VitalsReader = (*SQLite)(nil)

// Vitals implements ports.VitalsReader. There are no partitions.
func (s *SQLite) Vitals(ctx context.Context) (ports.Vitals, error) {
	var v ports.Vitals
	for _, read := range []func(context.Context, *ports.Vitals) error{s.countWaiting, s.readOldestAnnounced, s.countUnsummed, s.readDays} {
		if err := read(ctx, &v); err != nil {
			return ports.Vitals{}, sqliteError("read vitals", err)
		}
	}
	for _, file := range []string{s.path, s.path + "-wal"} {
		info, err := os.Stat(file)
		switch {
		case err == nil:
			v.Bytes += info.Size()
		case !errors.Is(err, fs.ErrNotExist):
			return ports.Vitals{}, sqliteError("read vitals", err)
		}
	}
	return v, nil
}

// countWaiting reads no blob: SQLite knows the length without.
func (s *SQLite) countWaiting(ctx context.Context, v *ports.Vitals) error {
	return s.read.DB.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(events)), 0) / 16,
			(SELECT count(*) FROM quarantine) FROM outbox`).
		Scan(&v.Announcements, &v.Announced, &v.Quarantined)
}

func (s *SQLite) readOldestAnnounced(ctx context.Context, v *ports.Vitals) error {
	var received micros
	var changes text
	err := s.read.DB.QueryRowContext(ctx, `SELECT (SELECT received_at FROM email_event WHERE id = substr(events, 1, 16)), changes
		FROM outbox ORDER BY id LIMIT 1`).Scan(&received, &changes)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil && changes != "":
		return setOldestChange(v, changes)
	}
	v.OldestAnnounced = received.Time
	return err
}

// setOldestChange sets the time of the first of changes.
func setOldestChange(v *ports.Vitals, changes text) error {
	list, err := announcedChanges(string(changes))
	if err == nil && len(list) > 0 {
		v.OldestAnnounced = list[0].Since()
	}
	return err
}

// countUnsummed goes by the numbers of the notes, which follow one another: there
// may be millions.
func (s *SQLite) countUnsummed(ctx context.Context, v *ports.Vitals) error {
	var oldest micros
	err := s.read.DB.QueryRowContext(ctx, `SELECT coalesce((SELECT max(id) FROM tally_delta) - (SELECT min(id) FROM tally_delta) + 1, 0),
			(SELECT noted_at FROM tally_delta ORDER BY id LIMIT 1)`).
		Scan(&v.Unsummed, &oldest)
	v.OldestUnsummed = oldest.Time
	return err
}

func (s *SQLite) readDays(ctx context.Context, v *ports.Vitals) error {
	var oldest, newest []byte
	err := s.read.DB.QueryRowContext(ctx, `SELECT
		(SELECT min(id) FROM email_event WHERE id >= ?1), (SELECT max(id) FROM email_event WHERE id >= ?1)`,
		undatedEnd).Scan(&oldest, &newest)
	setDays(v, oldest, newest)
	return err
}

// setDays sets the days of two event ids, empty for none.
func setDays(v *ports.Vitals, oldest, newest []byte) {
	if len(oldest) == 16 && len(newest) == 16 {
		from, _ := domain.EventID(oldest).Time()
		to, _ := domain.EventID(newest).Time()
		v.OldestDay, v.NewestDay = dayStart(from), dayStart(to)
	}
}
