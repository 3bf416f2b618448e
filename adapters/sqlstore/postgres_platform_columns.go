package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// platformColumns is what is to be known of a platform's table.
type platformColumns struct {
	names  domain.PlatformNames
	choose string // reads and locks the rows of ids $1
	change string // writes them
	// id is the application's id as the table spells it, false if it cannot be one
	// of its ids.
	id       func(application string) (string, bool)
	maxError int // characters, 0 for no limit, -1 for no such column
}

// cut returns as much of an error's text as there is room for.
func (c *platformColumns) cut(s string) string {
	switch runes := []rune(s); {
	case c.maxError < 0:
		return ""
	case c.maxError > 0 && len(runes) > c.maxError:
		return string(runes[:c.maxError])
	}
	return s
}

// platformColumn is a column as the catalogue has it.
type platformColumn struct {
	Name, Type string // the type without schema and length
	Kind       string // of the type: e for an enum
	TypeName   string // quoted, with its schema
	Length     int    // of texts, 0 for no limit
	Labels     []string
}

// spellings are the names that platforms have for the columns, the best first.
// Of no quotes in the platform's own SQL come names in lower case.
var spellings = []struct {
	names    []string
	types    []string
	optional bool
}{
	{names: []string{"id"}, types: []string{"text", "varchar", "uuid", "int2", "int4", "int8"}},
	{names: []string{"status"}, types: []string{"text", "varchar", "enum"}},
	{names: []string{"deliveredAt", "delivered_at", "deliveredat"}, types: []string{"timestamptz", "timestamp"}},
	{names: []string{"failedAt", "failed_at", "failedat"}, types: []string{"timestamptz", "timestamp"}},
	{
		names: []string{"errorMessage", "error_message", "errormessage", "error", "failureReason", "failure_reason"},
		types: []string{"text", "varchar"}, optional: true,
	},
}

// known returns what is known of the table, and looks at first.
func (p *PostgresPlatform) known(ctx context.Context) (*platformColumns, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.columns == nil {
		c, err := p.look(ctx)
		if err != nil {
			return nil, platformError("look at the platform's table", err)
		}
		p.columns = c
	}
	return p.columns, nil
}

func (p *PostgresPlatform) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.columns = nil
}

// errPlatform says that a table is not one that can be told.
type errPlatform struct{ error }

// platformError is postgresError for a table that is not ours: any of its own
// rules may refuse a row.
func platformError(operation string, err error) error {
	code := pgCode(err)
	switch {
	case errors.As(err, new(errPlatform)):
		return fmt.Errorf("%s: %w: %w", operation, ports.ErrRefused, err)
	case code == pgUnique, code == pgCheck, code == "P0001": // the last is raised by a trigger
		return fmt.Errorf("%s: %w: condition %s", operation, ports.ErrRefused, code)
	}
	return postgresError(operation, err)
}

// look finds the table and its columns.
func (p *PostgresPlatform) look(ctx context.Context) (*platformColumns, error) {
	var schema, table string
	err := p.pool.QueryRow(ctx, `SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p', 'v')`,
		pgx.Identifier(strings.Split(p.name, ".")).Sanitize()).Scan(&schema, &table)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errPlatform{fmt.Errorf("there is no table %s in the database", p.name)}
	case err != nil:
		return nil, err
	case schema == p.store.cfg.Schema:
		return nil, errPlatform{fmt.Errorf("%s is a table of the service itself", p.name)}
	}
	rows, err := p.pool.Query(ctx, `SELECT a.attname::text AS name,
			CASE t.typtype WHEN 'e' THEN 'enum' ELSE t.typname::text END AS type, t.typtype::text AS kind,
			quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS typename,
			CASE WHEN t.typname = 'varchar' AND a.atttypmod > 4 THEN a.atttypmod - 4 ELSE 0 END AS length,
			ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
		FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`,
		pgx.Identifier{schema, table}.Sanitize())
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[platformColumn])
	if err != nil {
		return nil, err
	}
	found, err := chooseColumns(p.name, all)
	if err != nil {
		return nil, err
	}
	return newPlatformColumns(pgx.Identifier{schema, table}.Sanitize(), found), nil
}

// chooseColumns returns the columns in the order of spellings, nil for an
// optional one that there is not. Its error names all that are missing.
func chooseColumns(table string, all []platformColumn) ([]*platformColumn, error) {
	found := make([]*platformColumn, len(spellings))
	var faults []string
	for i, s := range spellings {
		for _, name := range s.names {
			at := slices.IndexFunc(all, func(c platformColumn) bool { return c.Name == name })
			if at >= 0 {
				found[i] = &all[at]
				break
			}
		}
		c := found[i]
		switch {
		case c == nil && !s.optional:
			faults = append(faults, "no column "+strings.Join(s.names, " or "))
		case c == nil || slices.Contains(s.types, c.Type):
		case s.optional:
			found[i] = nil
		default:
			faults = append(faults, fmt.Sprintf("column %s is %s, not %s", c.Name, c.Type, strings.Join(s.types, " or ")))
		}
	}
	if len(faults) > 0 {
		return nil, errPlatform{fmt.Errorf("table %s: %s", table, strings.Join(faults, "; "))}
	}
	return found, nil
}

func newPlatformColumns(table string, found []*platformColumn) *platformColumns {
	id, status, failure := found[0], found[1], found[4]
	c := &platformColumns{names: domain.PlainPlatformNames(), id: platformIDs(id.Type), maxError: -1}
	if status.Type == "enum" {
		c.names = domain.NewPlatformNames(status.Labels)
	}
	quoted := func(i int) string { return pgx.Identifier{found[i].Name}.Sanitize() }
	reason, set := "NULL::text", ""
	if failure != nil {
		c.maxError = failure.Length
		reason, set = quoted(4)+"::text", ", "+quoted(4)+" = x.error"
	}
	c.choose = fmt.Sprintf(`SELECT %[1]s::text, %[2]s::text, %[3]s::timestamptz, %[4]s::timestamptz, %[5]s FROM %[6]s
		WHERE %[1]s = ANY ($1::text[]::%[7]s[]) ORDER BY %[1]s FOR NO KEY UPDATE`,
		quoted(0), quoted(1), quoted(2), quoted(3), reason, table, id.TypeName)
	c.change = fmt.Sprintf(`UPDATE %[1]s t SET %[2]s = x.status::%[3]s,
			%[4]s = coalesce(t.%[4]s, x.delivered), %[5]s = coalesce(t.%[5]s, x.failed)%[6]s
		FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[])
			x (id, status, delivered, failed, error)
		WHERE t.%[7]s = x.id::%[8]s`,
		table, quoted(1), status.TypeName, quoted(2), quoted(3), set, quoted(0), id.TypeName)
	return c
}

// platformIDs says how ids of a type are spelled.
func platformIDs(kind string) func(string) (string, bool) {
	switch kind {
	case "uuid":
		return func(s string) (string, bool) {
			key, err := domain.ParseLogKey(s)
			return key.String(), err == nil
		}
	case "int2", "int4", "int8":
		bits := map[string]int{"int2": 16, "int4": 32, "int8": 64}[kind]
		return func(s string) (string, bool) {
			n, err := strconv.ParseInt(s, 10, bits)
			return strconv.FormatInt(n, 10), err == nil
		}
	}
	return func(s string) (string, bool) { return s, true }
}
