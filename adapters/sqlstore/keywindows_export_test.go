package sqlstore

import "github.com/kumotrail/kumotrail/ports"

// PostgresWindowQueries are the statements of a window over the times of f: that
// which counts keys, and those which read it upward and downward.
func PostgresWindowQueries(f ports.LogFilter) (queries []string, args [][]any) {
	r := keyRanges(&f, [16]byte{})[0]
	up, values := postgresWindowQuery(&f, r, "key", windowLimit)
	down, _ := postgresWindowQuery(&f, r, "key DESC", windowLimit)
	return []string{nthKeyQuery, up, down}, [][]any{{[16]byte(r.least), [16]byte(r.below), int64(windowAim)}, values, values}
}
