package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
)

// binaryValues asks for all columns as binaryRow takes them.
var binaryValues = pgx.QueryResultFormats{pgx.BinaryFormatCode}

// collectLogs reads the rows of postgresLogColumns, asked for as binaryValues,
// and closes them.
func collectLogs(rows pgx.Rows, limit int) ([]domain.EmailLog, error) {
	defer rows.Close()
	var (
		row  binaryRow
		scan = newLogScan()
		logs = make([]domain.EmailLog, 0, min(limit, 500))
	)
	for rows.Next() {
		row.values = rows.RawValues()
		l, err := scan.scan(&row)
		if err != nil {
			return nil, err
		}
		if len(logs) == cap(logs) {
			logs = slices.Grow(logs, max(limit-len(logs), 1))
		}
		logs = append(logs, l)
	}
	if err := rows.Err(); err != nil { // those before it may not be the first of a page
		return nil, err
	}
	return logs, nil
}

// binaryRow scans rows in PostgreSQL's binary form into what the scans of this
// package have, a tenth of what pgx takes, which goes through database/sql's
// values for each. Texts share memory; bytes are good until the next row.
type binaryRow struct {
	values [][]byte // nil for NULL
	texts  strings.Builder
}

// Scan implements scanner.
func (r *binaryRow) Scan(dest ...any) error {
	if len(dest) != len(r.values) {
		return fmt.Errorf("scan row: %d columns for %d places", len(r.values), len(dest))
	}
	for i, d := range dest {
		if err := r.scan(d, r.values[i]); err != nil {
			return fmt.Errorf("scan row: column %d of %d, %d bytes: %w", i+1, len(dest), len(r.values[i]), err)
		}
	}
	return nil
}

var errNoSuchValue = errors.New("not a value of the type that is wanted")

func (r *binaryRow) scan(dest any, value []byte) error {
	ok := true
	switch dest := dest.(type) {
	case *text:
		*dest = text(r.text(value))
	case *string:
		*dest, ok = r.text(value), value != nil
	case *[]byte:
		*dest = value
	case *integer:
		var n int64
		n, ok = binaryInteger(value)
		*dest = integer(n)
	case *int:
		var n int64
		n, ok = binaryInteger(value)
		*dest, ok = int(n), ok && value != nil
	case *bool:
		ok = len(value) == 1
		*dest = ok && value[0] != 0
	case *micros:
		dest.Time, ok = binaryTime(value)
	default:
		ok = false
	}
	if !ok {
		return errNoSuchValue
	}
	return nil
}

// textBlock is how many bytes of texts are allocated at once.
const textBlock = 16 << 10

func (r *binaryRow) text(value []byte) string {
	if len(value) > r.texts.Cap()-r.texts.Len() {
		r.texts = strings.Builder{}
		r.texts.Grow(max(textBlock, len(value)))
	}
	start := r.texts.Len()
	r.texts.Write(value)
	return r.texts.String()[start:]
}

// binaryInteger reads an integer or bigint, 0 for NULL.
func binaryInteger(value []byte) (n int64, ok bool) {
	switch len(value) {
	case 8:
		return int64(binary.BigEndian.Uint64(value)), true
	case 4:
		return int64(int32(binary.BigEndian.Uint32(value))), true
	}
	return 0, value == nil
}

// postgresEpoch is 2000-01-01, from which PostgreSQL counts microseconds, in those of Unix.
const postgresEpoch = 946_684_800_000_000

// binaryTime reads a timestamptz, the zero time for NULL.
func binaryTime(value []byte) (t time.Time, ok bool) {
	if len(value) != 8 {
		return t, value == nil
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(value)) + postgresEpoch).UTC(), true
}
