package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// checkRange refuses a range that nothing can be in.
func checkRange(from, to time.Time) error {
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		return badRequest("from must not be after to")
	}
	return nil
}

type exportInput struct {
	LogFilter
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" example:"csv" doc:"The form of the lines."`
}

// form is one that an export may have.
type form struct {
	contentType string
	head        string
	appendLine  func([]byte, *domain.EmailLog) []byte
}

const ndjsonType = "application/x-ndjson"

var forms = map[string]form{
	"ndjson": {ndjsonType, "", appendJSONLine},
	"csv":    {"text/csv; charset=utf-8; header=present", logColumns, appendCSVLine},
}

// registerExport adds the export of logs.
func registerExport(api huma.API, logs ports.LogReader, log *slog.Logger) {
	line, _ := json.Marshal(exampleLog()) // plain values always can
	example := domain.Fold([]domain.EmailEvent{exampleBounce()})[0]
	register(api, huma.Operation{
		OperationID: "exportLogs", Method: http.MethodGet, Path: "/logs/export", Tags: []string{"Logs"},
		Summary: "Export logs",
		Description: "Streams the logs that the filters choose, newest acceptance first: one JSON object a line, or CSV. " +
			"By other filters than recipient, id, message_id and tenant, from or to is needed. " +
			"As CSV the cells are safe to open in a spreadsheet: what would be a formula there has an apostrophe before it. " +
			"An export that fails on the way ends with a broken connection, so that it cannot be taken for a whole one.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The logs, one a line.", Headers: headersOf(http.StatusOK),
			Content: map[string]*huma.MediaType{
				ndjsonType: {
					Schema:  &huma.Schema{Type: huma.TypeString, Description: "Each line is a Log."},
					Example: string(line) + "\n",
				},
				"text/csv": {
					Schema:  &huma.Schema{Type: huma.TypeString, Description: "One log a line, behind a line with the names of the columns."},
					Example: logColumns + string(appendCSVLine(nil, &example)),
				},
			},
		}},
	}, nil, func(_ context.Context, in *exportInput) (*huma.StreamResponse, error) {
		filter, err := in.chosen()
		if err == nil {
			err = application.CheckExport(&filter)
		}
		if err != nil {
			return nil, err
		}
		f := forms[in.Format]
		return stream(f.contentType, func(c *gin.Context) { export(c, logs, filter, f, log) }), nil
	})
}

// export streams logs as lines. Where the store fails on the way the connection
// breaks, so that a cut export cannot be taken for a whole one.
func export(c *gin.Context, logs ports.LogReader, filter ports.LogFilter, f form, log *slog.Logger) {
	lines := newLineStream(c, f)
	var l domain.EmailLog // one for all: what is handed on would be garbage for each
	for read, err := range logs.Logs(c.Request.Context(), filter) {
		if err != nil && !c.Writer.Written() {
			failWith(c, log, err, askAgain)
			return
		}
		if err == nil {
			l = read
			err = lines.write(&l)
		}
		if err != nil {
			log.Warn("an export was cut off", "lines", lines.lines, "request_id", requestID(c.Writer), "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := lines.flush(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

const (
	// writeWithin is how long a client may take for the next piece of a stream.
	writeWithin = 30 * time.Second
	// pieceSize is how long a piece is, but for its last line.
	pieceSize = 64 << 10
)

// lineStream writes lines in pieces, each within writeWithin.
type lineStream struct {
	control *http.ResponseController
	writer  io.Writer
	form    form
	piece   []byte
	lines   int
}

func newLineStream(c *gin.Context, f form) *lineStream {
	s := &lineStream{
		control: http.NewResponseController(c.Writer), writer: c.Writer,
		form: f, piece: make([]byte, 0, pieceSize+4<<10),
	}
	s.piece = append(s.piece, f.head...)
	return s
}

func (s *lineStream) write(l *domain.EmailLog) error {
	s.lines++
	s.piece = s.form.appendLine(s.piece, l)
	if len(s.piece) < pieceSize {
		return nil
	}
	return s.flush()
}

// flush writes what is there: of an export of nothing the head.
func (s *lineStream) flush() error {
	// Not every writer has deadlines; then there is none.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeWithin))
	_, err := s.writer.Write(s.piece)
	s.piece = s.piece[:0]
	return err
}
