package sqlstore

import (
	"database/sql/driver"
	"strings"
)

// sqliteBulk is an INSERT of many rows.
type sqliteBulk struct {
	head    string // up to VALUES
	columns int
	tail    string
	queries map[int]string // by number of rows
}

// sqliteBatches are the numbers of rows that one statement takes: few, so that
// each is prepared once, and close, so that few statements make up any number. A
// row of 20 columns costs 6.2 us of CPU alone, 5.2 in statements of 10, 4.9 of 50
// to 500; through database/sql 6.6, as JSON that json_each takes apart 18.8.
var sqliteBatches = [...]int{64, 16, 4, 1}

func newSQLiteBulk(head string, columns int, tail string) *sqliteBulk {
	b := &sqliteBulk{head: head, columns: columns, tail: tail, queries: map[int]string{}}
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	for _, n := range sqliteBatches {
		b.queries[n] = head + " VALUES " + row + strings.Repeat(","+row, n-1) + " " + tail
	}
	return b
}

// insert writes n rows. values appends the columns of row i to args; returned,
// if not nil, gets what the rows return.
func (b *sqliteBulk) insert(t *sqliteTx, n int, values func(args []any, i int) []any,
	returned func([]driver.Value) error,
) error {
	args := make([]any, 0, min(n, sqliteBatches[0])*b.columns)
	for at := 0; at < n; {
		size := batchOf(n - at)
		args = args[:0]
		for i := range size {
			args = values(args, at+i)
		}
		if err := b.run(t, size, args, returned); err != nil {
			return err
		}
		at += size
	}
	return nil
}

func (b *sqliteBulk) run(t *sqliteTx, size int, args []any, returned func([]driver.Value) error) error {
	if returned != nil {
		return t.query(b.queries[size], returned, args...)
	}
	_, err := t.exec(b.queries[size], args...)
	return err
}

func batchOf(left int) int {
	for _, n := range sqliteBatches {
		if n <= left {
			return n
		}
	}
	return 1
}
