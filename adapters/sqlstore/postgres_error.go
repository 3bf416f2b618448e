package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kumotrail/kumotrail/ports"
)

// Conditions of PostgreSQL (its manual, appendix A) that the store acts on.
const (
	pgUnique         = "23505"
	pgCheck          = "23514" // also: no partition for a row
	pgSerialization  = "40001"
	pgDeadlock       = "40P01"
	pgReadOnly       = "25006"
	pgNoTable        = "42P01"
	pgNoStatement    = "26000" // someone between has another connection for us
	pgStalePlan      = "0A000" // of a statement whose tables have changed
	classData        = "22"
	classConstraints = "23"
)

// postgresError puts ErrRefused or ErrUnavailable around what PostgreSQL, the
// driver or a context says. Only two classes of conditions speak of the
// content. What they quote of it stands in details, which the text of a
// pgconn.PgError leaves out.
func postgresError(operation string, err error) error {
	if err == nil {
		return nil
	}
	kind := ports.ErrUnavailable
	var e *pgconn.PgError
	if errors.As(err, &e) && len(e.Code) == 5 {
		switch class := e.Code[:2]; {
		case e.Code == pgUnique, e.Code == pgCheck:
			// Of rows that are the store's own, not of what it is given.
		case class == classData, class == classConstraints:
			return fmt.Errorf("%s: %w: condition %s", operation, ports.ErrRefused, e.Code)
		}
	}
	return fmt.Errorf("%s: %w: %w", operation, kind, err)
}

func pgCode(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// isDuplicate says whether a row of one of the table's days, or of a list of them, was
// there already.
func isDuplicate(err error, table string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == pgUnique && strings.HasPrefix(e.TableName, table+"_")
}

// isMissingDay says whether a row found no partition, or rows for one did not.
func isMissingDay(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == pgCheck && e.ConstraintName == "" || e.Code == pgNoTable)
}

// isPassing says whether the same transaction may well succeed when it is tried
// again at once.
func isPassing(err error) bool {
	switch pgCode(err) {
	case pgSerialization, pgDeadlock, pgNoStatement, pgStalePlan:
		return true
	}
	return false
}

// spoilsConnection says whether the connection is of no more use though it
// still answers.
func spoilsConnection(err error) bool {
	switch pgCode(err) {
	case pgReadOnly, pgNoStatement, pgStalePlan:
		return true
	}
	return isMissingDay(err) // which it may not come to know of, see renotice
}
