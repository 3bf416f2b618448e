package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
)

// webhook receives log records. It answers 200 when all of them are durable and
// never before.
type webhook struct {
	ingest *application.Ingest
	keys   keyring
	bodies bodies
	log    *slog.Logger
}

// Receipt is the answer to the webhook. Counts are records.
type Receipt struct {
	Received    int    `json:"received" doc:"How many records the body had."`
	Stored      int    `json:"stored" doc:"How many are new and kept."`
	Duplicates  int    `json:"duplicates" doc:"How many were known already."`
	Expired     int    `json:"expired" doc:"How many are older than RETENTION_DAYS and not kept."`
	Quarantined int    `json:"quarantined" doc:"How many could not be taken. Their bytes are in quarantine."`
	Quarantine  []note `json:"quarantine" maxItems:"20" doc:"The first of those in quarantine."`
}

// note names one record in quarantine.
type note struct {
	Index  int    `json:"index" doc:"The record's place in the body, from 0."`
	ID     string `json:"id" doc:"Its id in quarantine."`
	Reason string `json:"reason" doc:"Why it could not be taken."`
}

// reloopReceipt is what Reloop's own policy reads.
type reloopReceipt struct {
	Receipt
	Processed int `json:"processed" doc:"How many were taken, duplicates included."`
	Errors    int `json:"errors" doc:"How many are in quarantine."`
}

func (w *webhook) receive(c *gin.Context) {
	if r, ok := w.take(c); ok {
		c.JSON(http.StatusOK, r)
	}
}

func (w *webhook) receiveForReloop(c *gin.Context) {
	if r, ok := w.take(c); ok {
		c.JSON(http.StatusOK, reloopReceipt{r, r.Received - r.Quarantined, r.Quarantined})
	}
}

// takeWithin is how long KumoMTA waits for an answer (kumomta.md, section 5.3).
const takeWithin = time.Minute

// take takes the request's records. Where it does not it has answered.
func (w *webhook) take(c *gin.Context) (Receipt, bool) {
	if !w.keys.has(c.GetHeader("x-kumomta-key")) {
		c.Header("Connection", "close") // the body stays unread
		fail(c, http.StatusUnauthorized, "Send the value of X_KUMOMTA_KEY in the header x-kumomta-key.")
		return Receipt{}, false
	}
	body, err := w.bodies.read(c.Request)
	defer w.bodies.budget.Give(body.taken)
	// What is here whole is taken, also where the client has closed its side.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), takeWithin)
	defer cancel()
	var broken *encodingError
	var r application.Receipt
	switch {
	case err == nil:
		r, err = w.ingest.Ingest(ctx, body.text)
	case errors.As(err, &broken):
		r, err = w.ingest.Refuse(ctx, body.text, broken.Error())
	default:
		w.failRead(c, err)
		return Receipt{}, false
	}
	switch {
	case err != nil:
		failWith(c, w.log, err, sendAgain)
	case r.Received > 0 && r.Values == 0:
		fail(c, http.StatusUnprocessableEntity, fmt.Sprintf(
			"The body is not log records: %s. It is in quarantine as %s; do not send it again.",
			r.Quarantine[0].Reason, r.Quarantine[0].ID))
	default:
		return newReceipt(r), true
	}
	return Receipt{}, false
}

// failRead answers where the body could not be read whole.
func (w *webhook) failRead(c *gin.Context, err error) {
	var unknown *unknownEncodingError
	switch {
	case errors.Is(err, errTooLarge):
		c.Header("Connection", "close")
		fail(c, http.StatusRequestEntityTooLarge,
			"The body is over MAX_BODY_BYTES, "+strconv.FormatInt(w.bodies.limit, 10)+" bytes after decompression. Send it in halves.")
	case errors.As(err, &unknown):
		c.Header("Accept-Encoding", knownEncodings)
		fail(c, http.StatusUnsupportedMediaType, "The body's Content-Encoding is not known here. Send it plain, or as gzip or zstd.")
	case errors.Is(err, errCutOff):
		c.Header("Connection", "close")
		fail(c, http.StatusRequestTimeout, "The body did not arrive whole. Nothing of it was taken; send it again.")
	default:
		c.Header("Connection", "close")
		failWith(c, w.log, err, sendAgain)
	}
}

func newReceipt(r application.Receipt) Receipt {
	notes := make([]note, len(r.Quarantine))
	for i, n := range r.Quarantine {
		notes[i] = note{n.Index, n.ID.String(), n.Reason}
	}
	return Receipt{r.Received, r.Stored, r.Duplicates, r.Expired, r.Quarantined, notes}
}
