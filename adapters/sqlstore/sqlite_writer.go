package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/uptrace/bun"
)

// sqliteWriter is the one connection that writes. SQLite lets one write at a
// time; a queue of our own in front of it is fair and costs no polling. What is
// written goes through the driver itself: database/sql between makes a row a
// third dearer by converting its arguments.
type sqliteWriter struct {
	conn bun.Conn
	// turn holds one token. Whoever has it may use what is below.
	turn   chan struct{}
	closed chan struct{}
	once   sync.Once
	stmts  map[string]driver.Stmt
	args   []driver.NamedValue
}

type sqliteConn interface {
	driver.ConnBeginTx
	driver.ConnPrepareContext
}

func newSQLiteWriter(conn bun.Conn) *sqliteWriter {
	w := &sqliteWriter{
		conn: conn, turn: make(chan struct{}, 1), closed: make(chan struct{}),
		stmts: map[string]driver.Stmt{},
	}
	w.turn <- struct{}{}
	return w
}

// write runs f in a transaction that holds SQLite's write lock from its start,
// and commits it unless f fails. A ctx that ends lets go of the turn or rolls
// back between statements. No statement is interrupted, since the driver then
// throws the connection and its prepared statements away.
func (w *sqliteWriter) write(ctx context.Context, f func(*sqliteTx) error) error {
	if err := w.take(ctx); err != nil {
		return err
	}
	defer func() {
		clear(w.args[:cap(w.args)]) // they keep the unit's texts alive
		w.turn <- struct{}{}
	}()
	return w.conn.Raw(func(c any) error {
		conn, ok := c.(sqliteConn)
		if !ok {
			return fmt.Errorf("driver connection is a %T", c)
		}
		return w.transact(ctx, conn, f)
	})
}

func (w *sqliteWriter) take(ctx context.Context) error {
	select {
	case <-w.closed:
		return errClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.turn:
	case <-w.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (w *sqliteWriter) transact(ctx context.Context, conn sqliteConn, f func(*sqliteTx) error) error {
	begun, err := conn.BeginTx(context.Background(), driver.TxOptions{})
	if err != nil {
		return err
	}
	err = f(&sqliteTx{writer: w, conn: conn, ctx: ctx})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		// After a full disk SQLite has rolled back by itself and says so here.
		_ = begun.Rollback()
		return err
	}
	return begun.Commit()
}

// close waits for the write that is under way; later ones fail.
func (w *sqliteWriter) close() error {
	var err error
	w.once.Do(func() {
		close(w.closed)
		<-w.turn
		for _, s := range w.stmts {
			err = errors.Join(err, s.Close())
		}
		err = errors.Join(err, w.conn.Close())
	})
	return err
}

// sqliteTx is one write transaction. Its statements are prepared once.
type sqliteTx struct {
	writer *sqliteWriter
	conn   sqliteConn
	ctx    context.Context //nolint:containedctx // lives as long as the call it came with; looked at between statements
}

// prepare returns the statement, unless the transaction's context has ended.
func (t *sqliteTx) prepare(query string) (driver.Stmt, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	if s, ok := t.writer.stmts[query]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	t.writer.stmts[query] = s
	return s, nil
}

// exec runs a statement with native arguments: []byte, string, int64 or nil.
func (t *sqliteTx) exec(query string, args ...any) (driver.Result, error) {
	s, err := t.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.(driver.StmtExecContext).ExecContext(context.Background(), t.named(args))
}

// query calls row with the columns of each row, valid until row returns.
func (t *sqliteTx) query(query string, row func([]driver.Value) error, args ...any) error {
	s, err := t.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), t.named(args))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	columns := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(columns); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := row(columns); err != nil {
			return err
		}
	}
}

// named returns args in a list that is used again.
func (t *sqliteTx) named(args []any) []driver.NamedValue {
	list := t.writer.args[:0]
	for i, v := range args {
		list = append(list, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	t.writer.args = list
	return list
}
