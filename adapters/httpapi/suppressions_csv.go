package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

const csvType = "text/csv"

const exampleSuppressionsCSV = "address,reason,note,event_id,added_at\n" +
	"frank@example.org,hard_bounce,no such user here,019f9a03-d681-7c5a-8e1f-2b6a90d4c713,2026-07-25T17:20:01.040000Z\n"

// guardCell makes a cell text to a spreadsheet that would take it for a formula.
// bareCell is its inverse: also apostrophes before the first of these signs are
// guarded, so that none that was there before is lost.
func guardCell(cell string) string {
	if isFormula(cell) {
		return "'" + cell
	}
	return cell
}

func bareCell(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && isFormula(rest) {
		return rest
	}
	return cell
}

// isFormula says whether a cell begins a formula, or would but for apostrophes.
func isFormula(cell string) bool {
	return beginsFormula(strings.TrimLeft(cell, "'"))
}

// writeSuppressionsCSV streams what f chooses. Where the store fails on the way
// the connection breaks, so that a cut list cannot be taken for a whole one.
func writeSuppressionsCSV(c *gin.Context, list *application.Suppressions, f ports.SuppressionFilter, log *slog.Logger) {
	control, w, lines := http.NewResponseController(c.Writer), csv.NewWriter(c.Writer), 0
	for e, err := range list.All(c.Request.Context(), f) {
		if err != nil && lines == 0 {
			failWith(c, log, err, askAgain)
			return
		}
		if lines%100 == 0 {
			_ = control.SetWriteDeadline(time.Now().Add(writeWithin)) // not every writer has them
		}
		if err == nil && lines == 0 {
			err = w.Write(suppressionColumns)
		}
		if err == nil {
			line := newSuppressionLine(&e)
			err = w.Write([]string{
				guardCell(line.Address), line.Reason, guardCell(orEmpty(line.Note)), orEmpty(line.EventID), orEmpty(line.AddedAt),
			})
		}
		if err != nil {
			log.Warn("a list of suppressions was cut off", "lines", lines, "request_id", requestID(c.Writer), "error", err)
			panic(http.ErrAbortHandler)
		}
		lines++
	}
	if lines == 0 {
		_ = w.Write(suppressionColumns) // Flush fails with it
	}
	if w.Flush(); w.Error() != nil {
		panic(http.ErrAbortHandler)
	}
}

var suppressionColumns = []string{"address", "reason", "note", "event_id", "added_at"}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// suppressionsBody is what suppressions are added by, with examples.
func suppressionsBody() *huma.RequestBody {
	example := newSuppressions{[]newSuppression{{
		Address: "frank@example.org", Reason: "unsubscribe", Note: "asked by phone",
		EventID: "019f9a03-d681-7c5a-8e1f-2b6a90d4c713",
	}}}
	body := jsonBody(example)
	body.Content[csvType] = &huma.MediaType{
		Schema:  &huma.Schema{Type: huma.TypeString, Description: "One address a line."},
		Example: exampleSuppressionsCSV,
	}
	return body
}

// acceptCSV makes the JSON of a body of CSV, which is then held to the same
// bounds, with the same words where it does not keep them.
func acceptCSV(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if kind, _, err := mime.ParseMediaType(ctx.Header("Content-Type")); err != nil || kind != csvType {
			next(ctx)
			return
		}
		text, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), ctx.Operation().MaxBodyBytes+1))
		var body []byte
		switch {
		case err != nil:
			_ = huma.WriteErr(api, ctx, http.StatusRequestTimeout, "the body did not arrive whole. Send it again")
			return
		case int64(len(text)) > ctx.Operation().MaxBodyBytes:
			_ = huma.WriteErr(api, ctx, http.StatusRequestEntityTooLarge, "the body is too large. Send it in parts")
			return
		}
		if body, err = jsonOfCSV(text); err != nil {
			_ = huma.WriteErr(api, ctx, http.StatusBadRequest, err.Error())
			return
		}
		next(&jsonContext{ctx, bytes.NewReader(body)})
	}
}

// jsonContext is a request with a body of JSON in place of its own.
type jsonContext struct {
	asItCame
	body io.Reader
}

// asItCame has another name, for huma.Context has a method Context.
type asItCame = huma.Context

// Unwrap returns the request as it came.
func (c *jsonContext) Unwrap() huma.Context { return c.asItCame }

// BodyReader implements huma.Context.
func (c *jsonContext) BodyReader() io.Reader { return c.body }

// Header implements huma.Context.
func (c *jsonContext) Header(name string) string {
	if strings.EqualFold(name, "Content-Type") {
		return "application/json"
	}
	return c.asItCame.Header(name)
}

// columnNames are the cells of the first line, in any case.
func columnNames(lines [][]string) []string {
	if len(lines) == 0 {
		return nil
	}
	names := make([]string, len(lines[0]))
	for i, cell := range lines[0] {
		names[i] = strings.ToLower(strings.TrimSpace(cell))
	}
	return names
}

// someLines is how many lines of a body of CSV are read: the first, and enough to
// be told that they are too many. More would be held, and told of, for nothing.
const someLines = 1 + 1000 + 1

// readCSV reads the first lines of text. Its errors do not repeat what is in
// them.
func readCSV(text []byte) (lines [][]string, err error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("the body cannot be read: %w", errNotUTF8)
	}
	if hasTooMany(text, ",", '"') { // which doubles itself
		return nil, fmt.Errorf("the body cannot be read: %w", errTooMany)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	for len(lines) < someLines {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if broken, ok := errors.AsType[*csv.ParseError](err); ok {
			return nil, fmt.Errorf("the body is not CSV: line %d: %w", broken.Line, broken.Err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// jsonOfCSV returns the lines of text as newSuppressions in JSON. Its errors do
// not repeat what is in them.
func jsonOfCSV(text []byte) ([]byte, error) {
	lines, err := readCSV(text)
	if err != nil {
		return nil, err
	}
	columns := suppressionColumns
	if names := columnNames(lines); slices.Contains(names, "address") {
		columns, lines = names, lines[1:]
	}
	for i, name := range columns {
		switch {
		case !slices.Contains(suppressionColumns, name):
			return nil, fmt.Errorf("the body's column %d has a name that is none of %s", i+1, strings.Join(suppressionColumns, ", "))
		case slices.Contains(columns[:i], name): // of two addresses one would be mailed
			return nil, fmt.Errorf("the body's column %d has the name of another, %s", i+1, name)
		}
	}
	items := make([]map[string]string, len(lines))
	for i, line := range lines {
		if len(line) > len(columns) {
			return nil, fmt.Errorf("the body has %d columns at items[%d], want at most %d", len(line), i, len(columns))
		}
		items[i] = map[string]string{}
		for n, cell := range line {
			// When it was added elsewhere is not when it is added here.
			if cell = bareCell(cell); cell != "" && columns[n] != "added_at" {
				items[i][columns[n]] = cell
			}
		}
	}
	return json.Marshal(map[string]any{"items": items})
}
