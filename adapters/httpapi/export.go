package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// LogFilter are the parameters that choose logs.
type LogFilter struct {
	ID        string    `query:"id" minLength:"1" maxLength:"1024" example:"eml_406de800" doc:"The application's id (X-Email-Log-ID)."`
	MessageID string    `query:"message_id" minLength:"1" maxLength:"1024" example:"22a08300884d11f19005782d7e12e173" doc:"KumoMTA's id, in any spelling of a UUID."`
	Recipient string    `query:"recipient" minLength:"1" maxLength:"1024" example:"frank@example.org" doc:"The whole address, its domain in any case."`
	Status    string    `query:"status" enum:"pending,deferred,transferred,expired,bounced,delivered,complained" example:"bounced" doc:"What became of the message."`
	Tenant    string    `query:"tenant" minLength:"1" maxLength:"1024" example:"acme" doc:"Whose message it is."`
	Campaign  string    `query:"campaign" minLength:"1" maxLength:"1024" example:"spring" doc:"The campaign that it is part of."`
	From      time.Time `query:"from" example:"2026-07-25T00:00:00Z" doc:"Accepted then or later. Not after to."`
	To        time.Time `query:"to" example:"2026-07-26T00:00:00Z" doc:"Accepted before then."`
}

func (f *LogFilter) chosen() (ports.LogFilter, error) {
	return ports.LogFilter{
		ApplicationID: f.ID, MessageID: f.MessageID, Recipient: f.Recipient, Tenant: f.Tenant, Campaign: f.Campaign,
		Statuses: domain.ParseStatuses(f.Status), From: f.From.UTC(), To: f.To.UTC(),
	}, checkRange(f.From, f.To)
}

// checkRange refuses a range that nothing can be in.
func checkRange(from, to time.Time) error {
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		return badRequest("from must not be after to")
	}
	return nil
}

type exportInput struct {
	LogFilter
	Format string `query:"format" enum:"ndjson" default:"ndjson" example:"ndjson" doc:"The form of the lines."`
}

const ndjsonType = "application/x-ndjson"

// registerExport adds the export of logs.
func registerExport(api huma.API, logs ports.LogReader, log *slog.Logger) {
	line, _ := json.Marshal(exampleLog()) // plain values always can
	register(api, huma.Operation{
		OperationID: "exportLogs", Method: http.MethodGet, Path: "/logs/export", Tags: []string{"Logs"},
		Summary: "Export logs",
		Description: "Streams the logs that the filters choose, newest acceptance first, one JSON object a line. " +
			"An export that fails on the way ends with a broken connection, so that it cannot be taken for a whole one.",
		Responses: map[string]*huma.Response{"200": {
			Description: "The logs, one a line.", Headers: headersOf(http.StatusOK),
			Content: map[string]*huma.MediaType{ndjsonType: {
				Schema:  &huma.Schema{Type: huma.TypeString, Description: "Each line is a Log."},
				Example: string(line) + "\n",
			}},
		}},
	}, nil, func(_ context.Context, in *exportInput) (*huma.StreamResponse, error) {
		filter, err := in.chosen()
		if err != nil {
			return nil, err
		}
		return stream(ndjsonType, func(c *gin.Context) { export(c, logs, filter, log) }), nil
	})
}

// export streams logs as lines of JSON. Where the store fails on the way the
// connection breaks, so that a cut export cannot be taken for a whole one.
func export(c *gin.Context, logs ports.LogReader, filter ports.LogFilter, log *slog.Logger) {
	lines := newLineStream(c)
	for l, err := range logs.Logs(c.Request.Context(), filter) {
		if err != nil && !c.Writer.Written() {
			failWith(c, log, err, askAgain)
			return
		}
		if err == nil {
			line := newLogLine(&l)
			err = lines.write(&line)
		}
		if err != nil {
			log.Warn("an export was cut off", "lines", lines.lines, "request_id", requestID(c.Writer), "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	if err := lines.end(); err != nil {
		panic(http.ErrAbortHandler)
	}
}

// writeWithin is how long a client may take for the next piece of a stream.
const writeWithin = 30 * time.Second

// lineStream writes lines of JSON, each piece within writeWithin.
type lineStream struct {
	control *http.ResponseController
	buffer  *bufio.Writer
	encoder *json.Encoder
	lines   int
}

func newLineStream(c *gin.Context) *lineStream {
	s := &lineStream{control: http.NewResponseController(c.Writer), buffer: bufio.NewWriterSize(c.Writer, 64<<10)}
	s.encoder = json.NewEncoder(s.buffer)
	s.encoder.SetEscapeHTML(false)
	return s
}

func (s *lineStream) write(line any) error {
	if s.lines%100 == 0 {
		// Not every writer has deadlines; then there is none.
		_ = s.control.SetWriteDeadline(time.Now().Add(writeWithin))
	}
	s.lines++
	return s.encoder.Encode(line)
}

func (s *lineStream) end() error { return s.buffer.Flush() }
