// Package migrations holds the schema of the stores as SQL files, one folder a
// dialect, in order of their names. A file that was released is never changed;
// a new one is added.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres/*.up.sql sqlite/*.up.sql
var files embed.FS

// SQLite returns the files for SQLite. They hold no transaction of their own:
// the caller runs what is missing, and notes it, in one.
func SQLite() fs.FS { return dialect("sqlite") }

// Postgres returns the files for PostgreSQL. They hold no transaction of their
// own, as SQLite's, and name no schema: the caller's search path does.
func Postgres() fs.FS { return dialect("postgres") }

func dialect(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // name is not a valid path: a mistake in this file
	}
	return sub
}
