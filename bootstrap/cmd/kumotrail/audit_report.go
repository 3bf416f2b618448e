package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/kumotrail/kumotrail/application"
)

// writeAudit writes how files and store differ: in a line each hour of a node's
// where they do, then the sums.
func writeAudit(out io.Writer, r *application.AuditReport) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	differ := 0
	for _, row := range r.Rows {
		if row.OnlyFiles+row.OnlyStore == 0 {
			continue
		}
		if differ++; differ == 1 {
			fmt.Fprintln(table, "HOUR\tNODE\tIN FILES\tMISSING IN STORE\tMISSING IN FILES")
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\n", orNone(formatTime(row.Hour)), orNone(row.Node), row.Files, row.OnlyFiles, row.OnlyStore)
	}
	for i, m := range r.Missing {
		if i == 0 {
			fmt.Fprintln(table, "\nMISSING EVENT\tTIME\tTYPE\tFILE")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.ID, orNone(formatTime(m.At)), m.Type, m.File)
	}
	if more := r.OnlyFiles - int64(len(r.Missing)); more > 0 {
		fmt.Fprintf(table, "and %s more\n", humanize.Comma(more))
	}
	if differ > 0 {
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return writeAuditSums(out, r)
}

func writeAuditSums(out io.Writer, r *application.AuditReport) error {
	var t tally
	t.add(r.Read, "lines read of %s, %s", files(r.Files), humanize.IBytes(uint64(max(r.Bytes, 0))))
	t.add(r.Events, "events in the files")
	t.addSome(r.Copies, "of these that stand there again")
	t.add(r.OnlyFiles, "missing in the store")
	t.add(r.OnlyStore, "missing in the files, which have others of the same hour")
	for _, hook := range slices.Sorted(maps.Keys(r.Lost)) {
		t.add(r.Lost[hook], "events lost by the hook %s", hook)
	}
	t.addSome(r.Unnamed, "of these of which the hook's records do not tell which")
	t.addSome(r.Expired, "expired: older than RETENTION_DAYS")
	t.addSome(r.Broken, "lines that are broken records")
	t.addSome(r.Skipped, "skipped: no log records")
	t.addSome(r.Hook, "of a log hook's own messages, which are no mail")
	t.addSome(r.Outside, "outside of the time asked for")
	addParts(&t, r.Unread, r.Passed)
	_, err := t.WriteTo(out)
	return err
}

// formatTime returns "" for no time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

type auditJSON struct {
	Lines          int64             `json:"lines"`
	Files          int               `json:"files"`
	Bytes          int64             `json:"bytes"`
	Events         int64             `json:"events"`
	Copies         int64             `json:"copies"`
	MissingInStore int64             `json:"missing_in_store"`
	MissingInFiles int64             `json:"missing_in_files"`
	Expired        int64             `json:"expired"`
	Broken         int64             `json:"broken"`
	Skipped        int64             `json:"skipped"`
	Hook           int64             `json:"of_log_hooks"`
	Outside        int64             `json:"outside"`
	LostByHook     map[string]int64  `json:"lost_by_hook"`
	LostUnnamed    int64             `json:"lost_unnamed"`
	Hours          []auditHourJSON   `json:"hours"`
	MissingByFile  map[string]int64  `json:"missing_by_file"`
	Missing        []missingJSON     `json:"missing"` // the first of them
	NotRead        []partJSON        `json:"not_read"`
	PassedOver     map[string]string `json:"passed_over"`
}

type auditHourJSON struct {
	Hour           string `json:"hour"` // "" for events without a time
	Node           string `json:"node_id"`
	Events         int64  `json:"events"`
	MissingInStore int64  `json:"missing_in_store"`
	MissingInFiles int64  `json:"missing_in_files"`
}

type missingJSON struct {
	ID         string `json:"event_id"`
	Type       string `json:"type"`
	At         string `json:"at"`
	Node       string `json:"node_id"`
	File       string `json:"file"`
	LostByHook bool   `json:"lost_by_hook"`
}

type partJSON struct {
	File string `json:"file"`
	Part string `json:"part"`
}

func auditInJSON(r *application.AuditReport) auditJSON {
	j := auditJSON{
		Lines: r.Read, Files: r.Files, Bytes: r.Bytes, Events: r.Events, Copies: r.Copies,
		MissingInStore: r.OnlyFiles, MissingInFiles: r.OnlyStore, Expired: r.Expired, Broken: r.Broken,
		Skipped: r.Skipped, Hook: r.Hook, Outside: r.Outside, LostByHook: orEmpty(r.Lost), LostUnnamed: r.Unnamed,
		Hours: []auditHourJSON{}, MissingByFile: orEmpty(r.MissingIn), Missing: []missingJSON{},
		NotRead: partsInJSON(r.Unread), PassedOver: orEmpty(r.Passed),
	}
	for _, row := range r.Rows {
		j.Hours = append(j.Hours, auditHourJSON{formatTime(row.Hour), row.Node, row.Files, row.OnlyFiles, row.OnlyStore})
	}
	for _, m := range r.Missing {
		j.Missing = append(j.Missing, missingJSON{m.ID.String(), m.Type.String(), formatTime(m.At), m.Node, m.File, m.LostByHook})
	}
	return j
}

func partsInJSON(parts []application.UnreadPart) []partJSON {
	list := []partJSON{}
	for _, p := range parts {
		list = append(list, partJSON{p.File, p.Why})
	}
	return list
}

// orEmpty returns a map that JSON has braces for.
func orEmpty[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}

type fixJSON struct {
	Lines       int64      `json:"lines"`
	Stored      int64      `json:"stored"`
	Duplicates  int64      `json:"duplicates"`
	Quarantined int64      `json:"quarantined"`
	Restored    int64      `json:"restored"`
	NotRead     []partJSON `json:"not_read"`
}

func fixInJSON(r *application.ReplayReport) fixJSON {
	return fixJSON{r.Read, r.Stored, r.Duplicates, r.Quarantined, r.Restored, partsInJSON(r.Unread)}
}
