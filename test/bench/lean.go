package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// makeLean takes from a schema what only lists and statistics need: their indexes,
// and the triggers that keep side tables and note what to sum up. What is left is
// what it takes to know every record once and to say what became of each message, and
// what the service notes of new ones itself.
func (db *pgServer) makeLean(ctx context.Context, schema string) error {
	rows, err := db.conn.Query(ctx, `
		SELECT format('DROP INDEX %I.%I', n.nspname, i.relname)
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
			JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE n.nspname = $1 AND t.relname IN ('email_log', 'email_event')
			AND NOT x.indisprimary AND i.relname <> 'email_event_message'
		UNION ALL
		SELECT format('DROP TRIGGER %I ON %I.email_log', g.tgname, n.nspname)
		FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_namespace n ON n.oid = t.relnamespace
		WHERE n.nspname = $1 AND t.relname = 'email_log' AND NOT g.tgisinternal`, schema)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for i := 0; err == nil && i < len(statements); i++ {
		_, err = db.conn.Exec(ctx, statements[i])
	}
	return err
}
