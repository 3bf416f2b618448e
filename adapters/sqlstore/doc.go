// Package sqlstore keeps events, logs, quarantine and outbox in an SQL database.
// Files named sqlite*.go are SQLite's, postgres*.go PostgreSQL's; the others know
// no dialect.
//
// Raw records are kept apart from the events that were made of them: those of
// one commit and one day stand compressed in one chunk, which is one row to write
// and, of some hundred records, a tenth of their size. Whoever asks for an event
// gets its record decoded again.
package sqlstore
