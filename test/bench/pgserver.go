package main

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/test/servers"
)

var quiet = slog.New(slog.DiscardHandler)

// pgServer is the PostgreSQL that is measured, and a connection to look at it.
type pgServer struct {
	url  string
	conn *pgx.Conn
	lean bool // what is measured has nothing that only lists and statistics need
}

// startPostgres connects to url, or starts a server of its own with its defaults
// but for 1 GB of shared buffers.
func startPostgres(ctx context.Context, url string) (db *pgServer, stop func(), err error) {
	end := func() {}
	if url == "" {
		server, err := servers.StartPostgres("shared_buffers=1GB", "max_connections=200")
		if err != nil {
			return nil, nil, err
		}
		url, end = server.URL(), func() { _ = server.Close() }
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		end()
		return nil, nil, err
	}
	return &pgServer{url: url, conn: conn}, func() {
		_ = conn.Close(context.WithoutCancel(ctx))
		end()
	}, nil
}

func (db *pgServer) connect(ctx context.Context, n int) ([]*pgx.Conn, error) {
	conns := make([]*pgx.Conn, n)
	for i := range conns {
		c, err := pgx.Connect(ctx, db.url)
		if err != nil {
			return nil, err
		}
		conns[i] = c
	}
	return conns, nil
}

func (db *pgServer) drop(ctx context.Context, schema string) error {
	_, err := db.conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE")
	return err
}

// walBytes is how much was written to the log so far.
func (db *pgServer) walBytes(ctx context.Context) (n float64, err error) {
	err = db.conn.QueryRow(ctx, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8").Scan(&n)
	return n, err
}

// diskBytes is what the tables of a schema take, indexes and all.
func (db *pgServer) diskBytes(ctx context.Context, schema string) (n float64, err error) {
	err = db.conn.QueryRow(ctx, `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = $1 AND c.relkind = 'r'`, schema).Scan(&n)
	return n, err
}
