package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// seedShaped measures a service in the shape of those that came before: for each
// record a select, an insert and an update, each a statement of its own. It has
// no identity, no order and no announcements, which is less work.
func (db *pgServer) seedShaped(ctx context.Context, units [][]string) (arrays, singles float64, err error) {
	const schema = "bench_seed"
	if err := db.drop(ctx, schema); err != nil {
		return 0, 0, err
	}
	defer func() { _ = db.drop(ctx, schema) }()
	if _, err := db.conn.Exec(ctx, `CREATE SCHEMA bench_seed;
		CREATE TABLE bench_seed.email_log (id bigserial PRIMARY KEY, message_id text UNIQUE, status text,
			delivered_at timestamptz, failed_at timestamptz, updated_at timestamptz);
		CREATE TABLE bench_seed.email_event (id bigserial PRIMARY KEY, log_id bigint, type text, record jsonb,
			created_at timestamptz DEFAULT now());
		CREATE INDEX ON bench_seed.email_event (log_id)`); err != nil {
		return 0, 0, err
	}
	pool, err := pgxpool.New(ctx, db.url)
	if err != nil {
		return 0, 0, err
	}
	defer pool.Close()
	server := httptest.NewServer(seedHandler(pool))
	defer server.Close()
	half := len(units) / 2
	s := &service{url: server.URL}
	bodies, _ := arraysOf(units[:half])
	if arrays, err = s.post(ctx, bodies, 4); err != nil {
		return 0, 0, err
	}
	_, bodies = arraysOf(units[half:])
	singles, err = s.post(ctx, bodies, 64)
	return arrays * unitRecords, singles, err
}

func seedHandler(pool *pgxpool.Pool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = eachRecord(body, func(raw json.RawMessage) error { return seedRecord(r.Context(), pool, raw) })
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

func eachRecord(body []byte, take func(json.RawMessage) error) error {
	if body[0] != '[' {
		return take(body)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(body, &raws); err != nil {
		return err
	}
	for _, raw := range raws {
		if err := take(raw); err != nil {
			return err
		}
	}
	return nil
}

func seedRecord(ctx context.Context, pool *pgxpool.Pool, raw json.RawMessage) error {
	var record struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	if err := json.Unmarshal(raw, &record); err != nil {
		return err
	}
	var log int64
	err := pool.QueryRow(ctx, "SELECT id FROM bench_seed.email_log WHERE message_id = $1", record.ID).Scan(&log)
	if errors.Is(err, pgx.ErrNoRows) {
		err = pool.QueryRow(ctx, `INSERT INTO bench_seed.email_log (message_id, status) VALUES ($1, 'pending')
			ON CONFLICT (message_id) DO UPDATE SET message_id = excluded.message_id RETURNING id`, record.ID).Scan(&log)
	}
	if err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, "INSERT INTO bench_seed.email_event (log_id, type, record) VALUES ($1, $2, $3)",
		log, record.Type, string(raw)); err != nil {
		return err
	}
	switch record.Type {
	case "Delivery":
		_, err = pool.Exec(ctx, "UPDATE bench_seed.email_log SET status = 'delivered', delivered_at = now(), updated_at = now() WHERE id = $1", log)
	case "Bounce":
		_, err = pool.Exec(ctx, "UPDATE bench_seed.email_log SET status = 'bounced', failed_at = now(), updated_at = now() WHERE id = $1", log)
	default:
		_, err = pool.Exec(ctx, "UPDATE bench_seed.email_log SET updated_at = now() WHERE id = $1", log)
	}
	return err
}
