//go:build !embedded

package sqlstore_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestPostgresKeepsContractOfVitals(t *testing.T) { contract.TestVitals(t, openPostgresStore) }

func TestPostgresVitalsKnowPartitionsAndBytesOfSchema(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 3})
	mustCommit(t, s, mailUnit(1, 500))
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+pgx.Identifier{schema}.Sanitize())
	tell(t, admin, "CREATE TABLE left_behind (LIKE email_event)")
	tell(t, admin, "CREATE TABLE email_event_20300101 (LIKE email_event)") // detached, or on its way in

	v, err := s.Vitals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	days := told[int64](t, admin, `SELECT count(*) FROM pg_inherits
		WHERE inhparent = 'email_event'::regclass AND inhrelid <> 'email_event_undated'::regclass`)
	last := told[time.Time](t, admin, `SELECT max(right(inhrelid::regclass::text, 8)::date)::timestamp FROM pg_inherits
		WHERE inhparent = 'email_event'::regclass AND inhrelid <> 'email_event_undated'::regclass`)
	size := told[int64](t, admin, `SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
		WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r'`, schema)
	if v.Partitions != days || !v.LastPartition.Equal(last) || v.Bytes != size {
		t.Errorf("vitals: %d partitions until %v, %d bytes; want %d, %v, %d", v.Partitions, v.LastPartition, v.Bytes, days, last, size)
	}
}
