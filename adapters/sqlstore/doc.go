// Package sqlstore keeps events, logs, quarantine and outbox in an SQL database
// through bun. Files named sqlite*.go are SQLite's; the others know no dialect.
//
// Raw records are kept apart from the events that were made of them: those of
// one commit and one day stand compressed in one chunk, which is a third of
// their size and one row to write. Whoever asks for an event gets its record
// decoded again.
package sqlstore
