package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pgExchange is several statements that go to the server in one piece and are
// one transaction there: without BEGIN all messages up to Sync are
// (PostgreSQL's manual, "Pipelining"). pgx's own pipeline has no COPY, which
// would cost a round trip for itself and one for BEGIN; but messages for COPY
// may follow their statement unasked.
//
// Statements with long arguments have to stand before those with long results:
// the server reads nothing while we do not read what it writes.
type pgExchange struct {
	buf  []byte
	err  error
	rows []func(values [][]byte) // by statement, nil for one without
}

func (x *pgExchange) reset() {
	x.buf, x.err, x.rows = x.buf[:0], nil, x.rows[:0]
}

type pgMessage interface {
	Encode(dst []byte) ([]byte, error)
}

func (x *pgExchange) add(m pgMessage) {
	if x.err == nil {
		x.buf, x.err = m.Encode(x.buf)
	}
}

var binaryFormat = []int16{1}

// exec adds a prepared statement with binary arguments. row is called with the
// binary columns of each row, which are valid until it returns.
func (x *pgExchange) exec(statement string, row func(values [][]byte), args ...[]byte) {
	x.add(&pgproto3.Bind{
		PreparedStatement: statement, Parameters: args,
		ParameterFormatCodes: binaryFormat, ResultFormatCodes: binaryFormat,
	})
	x.add(&pgproto3.Execute{})
	x.rows = append(x.rows, row)
}

// copyInto adds a COPY FROM STDIN that is not prepared, with its data.
func (x *pgExchange) copyInto(query string, data []byte) {
	x.add(&pgproto3.Parse{Query: query})
	x.copyIn("", data)
}

// copyIn adds a prepared COPY FROM STDIN with its data.
func (x *pgExchange) copyIn(statement string, data []byte) {
	x.exec(statement, nil)
	x.add(&pgproto3.CopyData{Data: data})
	x.add(&pgproto3.CopyDone{})
}

// run sends what was added and returns when the server has committed it, or
// nothing of it. Whoever calls has the connection for himself. It is closed
// where its state is not known afterwards.
func (x *pgExchange) run(ctx context.Context, conn *pgx.Conn) error {
	x.add(&pgproto3.Sync{})
	if x.err != nil {
		return x.err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c := conn.PgConn()
	unwatch := context.AfterFunc(ctx, func() { _ = c.Conn().SetDeadline(time.Unix(1, 0)) })
	ready, err := x.talk(c)
	if !unwatch() || !ready {
		abandon(conn)
	}
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	return err
}

// talk returns true if the server awaits the next statement.
func (x *pgExchange) talk(c *pgconn.PgConn) (ready bool, err error) {
	if _, err := c.Conn().Write(x.buf); err != nil {
		return false, err
	}
	statement := 0
	for {
		m, err2 := c.Frontend().Receive()
		if err2 != nil {
			return false, errors.Join(err, err2)
		}
		switch m := m.(type) {
		case *pgproto3.DataRow:
			if row := x.rows[statement]; row != nil {
				row(m.Values)
			}
		case *pgproto3.CommandComplete:
			statement++
		case *pgproto3.ErrorResponse:
			err = pgconn.ErrorResponseToPgError(m)
			if m.Severity == "FATAL" || m.SeverityUnlocalized == "FATAL" {
				return false, err
			}
		case *pgproto3.ReadyForQuery:
			if m.TxStatus != 'I' {
				return false, errors.Join(err, fmt.Errorf("server is in transaction state %q", m.TxStatus))
			}
			return true, err
		}
	}
}

// abandon closes a connection in the midst of an exchange, and has the server
// stop what it does for it.
func abandon(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.PgConn().CancelRequest(ctx)
	_ = conn.Close(ctx)
}
