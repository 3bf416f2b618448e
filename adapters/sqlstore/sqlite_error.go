package sqlstore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/kumotrail/kumotrail/ports"
)

var errClosed = errors.New("store is closed")

// sqliteError puts ErrRefused or ErrUnavailable around what SQLite, the driver
// or a context says. Only these primary result codes speak of the content, and
// none of them quotes it: https://www.sqlite.org/rescode.html.
func sqliteError(operation string, err error) error {
	if err == nil {
		return nil
	}
	kind := ports.ErrUnavailable
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_TOOBIG:
			kind = ports.ErrRefused
		}
	}
	return fmt.Errorf("%s: %w: %w", operation, kind, err)
}

func isBusySQLite(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && e.Code()&0xff == lib.SQLITE_BUSY
}
