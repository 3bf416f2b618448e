//go:build !embedded

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestConditionsOfPostgresMeanWhatCallersBranchOn(t *testing.T) {
	for code, want := range map[string]error{
		"22001": ports.ErrRefused,     // string too long
		"22021": ports.ErrRefused,     // not in the encoding
		"22P05": ports.ErrRefused,     // untranslatable character
		"23502": ports.ErrRefused,     // null
		"23514": ports.ErrUnavailable, // a day that could not be made
		"23505": ports.ErrUnavailable, // sequence behind its table
		"53100": ports.ErrUnavailable, // disk full
		"53200": ports.ErrUnavailable, // out of memory
		"53300": ports.ErrUnavailable, // too many connections
		"55P03": ports.ErrUnavailable, // lock not available
		"57014": ports.ErrUnavailable, // cancelled
		"57P01": ports.ErrUnavailable, // shut down
		"57P03": ports.ErrUnavailable, // starting
		"25006": ports.ErrUnavailable, // read-only
		"40001": ports.ErrUnavailable, // serialization
		"40P01": ports.ErrUnavailable, // deadlock
		"28P01": ports.ErrUnavailable, // password
		"42P01": ports.ErrUnavailable, // no such table
		"XX001": ports.ErrUnavailable, // damaged
		"":      ports.ErrUnavailable,
	} {
		err := postgresError("commit", fmt.Errorf("within: %w", &pgconn.PgError{Code: code, Detail: "Key (a@example.com)"}))
		if !errors.Is(err, want) {
			t.Errorf("condition %q is %v, want %v", code, err, want)
		}
	}
	for _, cause := range []error{io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, errClosed} {
		if err := postgresError("commit", cause); !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, cause) {
			t.Errorf("%v became %v, want %v", cause, err, ports.ErrUnavailable)
		}
	}
	if err := postgresError("commit", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

// A pooler between may give a commit another server connection.
func TestCommitPreparesAgainWhatItsConnectionForgot(t *testing.T) {
	s, err := OpenPostgres(t.Context(), servers.Postgres(t), contract.Decoder{}, PostgresConfig{Schema: servers.Schema(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for day := range 3 {
		if _, err := s.Commit(t.Context(), deliveriesOn(testDay.AddDate(0, 0, day), 2)); err != nil {
			t.Fatal(err)
		}
		for _, conn := range s.pool.AcquireAllIdle(t.Context()) {
			if _, err := conn.Exec(t.Context(), "DEALLOCATE ALL", pgx.QueryExecModeSimpleProtocol); err != nil {
				t.Fatal(err)
			}
			conn.Release()
		}
	}
}
