package sqlstore

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"
)

// TestBinaryRowScansWhatPgxEncodes is a law, with NULL for what is not known.
func TestBinaryRowScansWhatPgxEncodes(t *testing.T) {
	type values struct {
		Text, Null string
		Bytes      []byte
		Big        int64
		Small      int32
		Yes        bool
		At, Never  time.Time
	}
	m := pgtype.NewMap()
	encode := func(t *rapid.T, oid uint32, v any) []byte {
		b, err := m.Encode(oid, pgtype.BinaryFormatCode, v, []byte{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rapid.Check(t, func(t *rapid.T) {
		var (
			row       binaryRow
			all, read []values
		)
		for _, want := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) values {
			return values{
				Text:  rapid.OneOf(rapid.String(), rapid.Just(strings.Repeat("long", textBlock/4+1))).Draw(t, "text"),
				Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), Big: rapid.Int64().Draw(t, "big"),
				Small: rapid.Int32().Draw(t, "small"), Yes: rapid.Bool().Draw(t, "yes"),
				At: time.UnixMicro(rapid.Int64Range(-1<<55, 1<<57).Draw(t, "at")).UTC(),
			}
		}), 1, 4).Draw(t, "rows") {
			row.values = [][]byte{
				encode(t, pgtype.TextOID, want.Text), nil, encode(t, pgtype.ByteaOID, want.Bytes),
				encode(t, pgtype.Int8OID, want.Big), encode(t, pgtype.Int4OID, want.Small), encode(t, pgtype.BoolOID, want.Yes),
				encode(t, pgtype.TimestamptzOID, want.At), nil, nil,
			}
			got := values{Never: time.Now()}
			known, null, big, none := text(""), text("before"), integer(0), integer(1)
			small, at, never := 0, micros{}, micros{time.Now()}
			if err := row.Scan(&known, &null, &got.Bytes, &big, &small, &got.Yes, &at, &never, &none); err != nil {
				t.Fatal(err)
			}
			got.Text, got.Null, got.Big, got.Small = string(known), string(null), int64(big), int32(small)
			got.At, got.Never = at.Time, never.Time
			if none != 0 {
				t.Fatalf("NULL is %d", none)
			}
			all, read = append(all, want), append(read, got)
		}
		// Only now: what was read of the first must outlive the others.
		if diff := cmp.Diff(all, read); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	})
}

func TestBinaryRowRefusesWhatIsNoValueOfItsType(t *testing.T) {
	var (
		number     integer
		whole      int
		yes        bool
		at         micros
		name       string
		unexpected float64
	)
	for name, c := range map[string]struct {
		dest  any
		value []byte
	}{
		"integer of 2 bytes": {&number, make([]byte, 2)}, "integer of no bytes": {&number, []byte{}},
		"int of NULL": {&whole, nil}, "bool of NULL": {&yes, nil}, "bool of 2 bytes": {&yes, make([]byte, 2)},
		"time as text": {&at, []byte("2026-07-25")}, "text of NULL where none may be": {&name, nil},
		"a place of another type": {&unexpected, binary.BigEndian.AppendUint64(nil, 1)},
	} {
		row := binaryRow{values: [][]byte{c.value}}
		if err := row.Scan(c.dest); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	row := binaryRow{values: make([][]byte, 2)}
	if err := row.Scan(&number); err == nil {
		t.Error("two columns for one place: no error")
	}
}
