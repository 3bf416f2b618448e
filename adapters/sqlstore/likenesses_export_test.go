package sqlstore

import "time"

// PostgresLikenessQueries are the statements by which likenesses are found, but
// for the page of logs.
func PostgresLikenessQueries(recipient string, from, to time.Time) (queries []string, args [][]any) {
	logs, logArgs := postgresCapitalsQuery(&capitals{recipient, from, to}, reportRange(from, to), 500)
	reports, reportArgs := postgresReportsQuery(recipient, reportRange(from, to), 20)
	return []string{logs, reports}, [][]any{logArgs, reportArgs}
}

// SQLiteLikenessQueries are those of the other database.
func SQLiteLikenessQueries(recipient string, from, to time.Time) (queries []string, args [][]any) {
	logs, logArgs := sqliteCapitalsQuery(&capitals{recipient, from, to}, reportRange(from, to), 500)
	reports, reportArgs := sqliteReportsQuery(recipient, reportRange(from, to), 20)
	return []string{logs, reports}, [][]any{logArgs, reportArgs}
}
