package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

var intervals = map[string]time.Duration{
	"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour,
}

// statsRow is the number of events of one type that occurred within a bucket.
type statsRow struct {
	Bucket string `json:"bucket"`
	Type   string `json:"type"`
	Count  int64  `json:"count"`
}

// stats counts events by type and time. One record counts once for each of its
// recipients.
func (r *reads) stats(c *gin.Context) {
	q := newQuery(c.Request.URL.RawQuery, "by", "interval", "from", "to")
	q.oneOf("by", "type")
	interval := intervals[q.oneOf("interval", "1h", "1m", "5m", "1d")]
	from, to := q.time("from"), q.time("to")
	if err := q.err(); err != nil {
		fail(c, http.StatusBadRequest, err.Error()+".")
		return
	}
	counts, err := r.logs.CountEvents(c.Request.Context(), from, to, interval)
	if err != nil {
		failWith(c, r.log, err)
		return
	}
	rows := make([]statsRow, len(counts))
	for i, n := range counts {
		rows[i] = statsRow{n.Bucket.Format(time.RFC3339), n.Type.String(), n.Count}
	}
	c.JSON(http.StatusOK, gin.H{"rows": rows})
}
