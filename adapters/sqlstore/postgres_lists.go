package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// listNames are what hashes of lists begin with, by the place of their dimension.
// They are stored. A list is of one value, or of a tenant and what it has with a
// provider or an egress source: where both have much, they may have little together.
var listNames = [...]string{
	providerPlace: "provider:", domainPlace: "domain:", tenantPlace: "tenant:",
	campaignPlace: "campaign:", sourcePlace: "egress_source:",
}

// listHash returns what a list is found by; that of two values is each one's
// joined by XOR.
func listHash(place int, value string) int64 {
	sum := sha256.Sum256([]byte(listNames[place] + value))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// listKeys is how many keys a row of email_log_list has at most: one that has more
// would be cut up by PostgreSQL.
const listKeys = 120

// fewKeys is up to how many keys a row has that are put together with those that
// come later.
const fewKeys = 60

// stretchOf returns the time in a key as far as all keys of a row have it, of 65 s.
func stretchOf(key uuid) uint32 { return binary.BigEndian.Uint32(key[:]) }

// listStretch is what the rows of a list have of that time.
type listStretch struct {
	hash int64
	of   uint32
}

// bounds returns the least and the greatest key that may be there.
func (s listStretch) bounds() (least, greatest uuid) {
	greatest = maxUUID
	binary.BigEndian.PutUint32(least[:], s.of)
	binary.BigEndian.PutUint32(greatest[:], s.of)
	return least, greatest
}

// logLists collects what changes in the lists.
type logLists struct {
	names  *symbols
	hashes [len(listNames)][]int64 // by symbol, 0 where not asked for yet
	was    map[uuid]dims
	logs   []listing
	keys   map[listStretch][]uuid
}

// listing is a log with what it has, and what it was listed by before it had that.
type listing struct {
	key     uuid
	is, was dims
}

func newLogLists(names *symbols) *logLists {
	return &logLists{names: names, logs: *listings.Get().(*[]listing), was: map[uuid]dims{}, keys: map[listStretch][]uuid{}}
}

// listings has rooms for the logs of a roll-up, which are many: one that grows has
// each copied four times.
var listings = sync.Pool{New: func() any { return new([]listing) }}

// forget lets go of the logs.
func (l *logLists) forget() {
	room := l.logs[:0]
	listings.Put(&room)
	l.logs = nil
}

// add lists a log by what it has. What it was stands before what it became.
func (l *logLists) add(t *tally) {
	switch {
	case t.key == (uuid{}): // a tally of before there were lists
	case t.n < 0:
		l.was[t.key] = t.dims
	default:
		l.logs = append(l.logs, listing{t.key, t.dims, l.was[t.key]})
		delete(l.was, t.key)
	}
}

// list returns where something is to be added, in the order of the index.
func (l *logLists) list() []listStretch {
	// Sorted once, they are in order in each list.
	slices.SortFunc(l.logs, func(a, b listing) int { return bytes.Compare(a.key[:], b.key[:]) })
	for i := range l.logs {
		l.put(&l.logs[i])
	}
	list := make([]listStretch, 0, len(l.keys))
	for at := range l.keys {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b listStretch) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.of, b.of)) })
	return list
}

func (l *logLists) put(log *listing) {
	is, was := &log.is, &log.was
	tenant := is[tenantPlace]
	for place := range listNames {
		if is[place] == 0 {
			continue
		}
		hash := l.hash(place, is[place])
		if is[place] != was[place] {
			l.putKey(hash, log.key)
		}
		ofTwo := (place == providerPlace || place == sourcePlace) && tenant != 0
		if ofTwo && (is[place] != was[place] || tenant != was[tenantPlace]) {
			l.putKey(hash^l.hash(tenantPlace, tenant), log.key)
		}
	}
}

func (l *logLists) putKey(hash int64, key uuid) {
	at := listStretch{hash, stretchOf(key)}
	l.keys[at] = append(l.keys[at], key)
}

func (l *logLists) hash(place int, value symbol) int64 {
	known := &l.hashes[place]
	if int(value) >= len(*known) {
		*known = append(*known, make([]int64, len(l.names.texts)-len(*known))...)
	}
	if (*known)[value] == 0 {
		(*known)[value] = listHash(place, l.names.texts[value])
	}
	return (*known)[value]
}

// addTo adds what l has collected to the lists. Nobody else does meanwhile.
func (l *logLists) addTo(ctx context.Context, tx pgx.Tx) error {
	list := l.list()
	if len(list) == 0 {
		return nil
	}
	if err := l.takeShort(ctx, tx, list); err != nil {
		return err
	}
	t := pgTuples{buf: make([]byte, 0, l.copySize())}
	t.startCopy()
	for _, at := range list {
		keys := l.keys[at]
		slices.SortFunc(keys, func(a, b uuid) int { return bytes.Compare(a[:], b[:]) })
		for row := range slices.Chunk(slices.Compact(keys), listKeys) {
			t.listRow(at.hash, row)
		}
	}
	t.endCopy()
	_, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(t.buf), "COPY email_log_list (hash, last, keys) FROM STDIN (FORMAT binary)")
	return err
}

// copySize is about how many bytes COPY takes for all rows, and no less.
func (l *logLists) copySize() int {
	const row, key = 64, 4 + len(uuid{})
	size := row
	for _, keys := range l.keys {
		size += (1+len(keys)/listKeys)*row + len(keys)*key
	}
	return size
}

// shortTaken is for how many lists their short rows are looked for, which takes
// about 10 us each. Where more have something to be added rows stay as they are:
// mail comes fast then, and most of what comes fills some.
const shortTaken = 2000

// takeShort takes out rows with few keys, to be written anew with what comes to
// them: where mail comes slowly each log would else have rows of its own.
func (l *logLists) takeShort(ctx context.Context, tx pgx.Tx, list []listStretch) error {
	if len(list) > shortTaken {
		return nil
	}
	hashes, least, greatest := make([]int64, len(list)), make([][16]byte, len(list)), make([][16]byte, len(list))
	for i, at := range list {
		from, to := at.bounds()
		hashes[i], least[i], greatest[i] = at.hash, from, to
	}
	rows, err := tx.Query(ctx, `DELETE FROM email_log_list WHERE ctid IN (
			SELECT l.ctid FROM unnest($1::bigint[], $2::uuid[], $3::uuid[]) s (hash, least, greatest)
			CROSS JOIN LATERAL (SELECT ctid, keys FROM email_log_list
				WHERE hash = s.hash AND last BETWEEN s.least AND s.greatest OFFSET 0) l
			WHERE cardinality(l.keys) < $4)
		RETURNING hash, array_send(keys)`, hashes, least, greatest, fewKeys)
	if err != nil {
		return err
	}
	var hash int64
	var keys []byte
	_, err = pgx.ForEachRow(rows, []any{&hash, &keys}, func() error {
		return eachKey(keys, func(key uuid) { l.putKey(hash, key) })
	})
	return err
}

// listRow appends a row of email_log_list. Keys are in order.
func (t *pgTuples) listRow(hash int64, keys []uuid) {
	t.copyRow(3)
	t.value(pgtype.Int8OID, 8)
	t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(hash))
	t.uuid(keys[len(keys)-1])
	t.value(pgtype.UUIDArrayOID, 20+20*len(keys))
	t.arrayHead(len(keys), pgtype.UUIDOID)
	for _, key := range keys {
		t.uuid(key)
	}
}

// eachKey calls visit with each of a uuid[] in PostgreSQL's binary format.
func eachKey(b []byte, visit func(uuid)) error {
	r := wireReader{b: b}
	for range r.arrayHead() {
		r.int32() // bytes
		if key := r.take(16); !r.damaged {
			visit(uuid(key))
		} else {
			break
		}
	}
	return r.err()
}
