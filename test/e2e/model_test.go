package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The model: what log records mean, told once more from docs/kumomta.md and
// docs/events.md in the plainest way, over JSON as encoding/json reads it. It
// knows no order of arrival, no batches and no database.

// said is one record for one of its recipients.
type said struct {
	record    object
	recipient string
}

// spread returns what records say, one entry for each recipient or one without.
func spread(records []object) []said {
	var all []said
	for _, r := range records {
		switch to := r["recipient"].(type) {
		case string:
			all = append(all, said{r, to})
		case []any:
			for _, one := range to {
				all = append(all, said{r, one.(string)})
			}
			if len(to) == 0 {
				all = append(all, said{r, ""})
			}
		default: // absent, or what Lua makes of an empty list
			all = append(all, said{r, ""})
		}
	}
	return all
}

var kinds = map[string]string{
	"Reception": "reception", "Delivery": "delivery", "Bounce": "bounce", "TransientFailure": "transient_failure",
	"Expiration": "expiration", "AdminBounce": "admin_bounce", "OOB": "oob", "Feedback": "feedback",
	"Rejection": "rejection", "Delayed": "delayed", "AdminRebind": "admin_rebind",
	"DeferredInjectionRebind": "deferred_injection_rebind", "XferOut": "xfer_out", "XferIn": "xfer_in",
}

func (s said) kind() string {
	if kind, ok := kinds[s.record.text("type")]; ok {
		return kind
	}
	return "unknown"
}

// isReport says whether s carries the id of a report about a message.
func (s said) isReport() bool { return s.kind() == "oob" || s.kind() == "feedback" }

// fromLogHook says whether s is about a message that carried log records.
func (s said) fromLogHook() bool { return s.record.text("reception_protocol") == "LogRecord" }

// id is the message's, in the one spelling that all copies share.
func (s said) id() string { return normalID(s.record.text("id")) }

func normalID(id string) string {
	if normal := strings.ToLower(strings.ReplaceAll(id, "-", "")); len(normal) == 32 {
		return normal
	}
	return id
}

// log names the log of the message that s happened to, "" for none.
func (s said) log() string {
	if s.isReport() || s.kind() == "rejection" || s.fromLogHook() || s.id() == "" || s.recipient == "" {
		return ""
	}
	return logName(s.id(), s.recipient)
}

func logName(id, recipient string) string { return id + " " + address(recipient) }

// address has its domain in lower case.
func address(recipient string) string {
	at := strings.LastIndex(recipient, "@")
	return recipient[:at+1] + strings.ToLower(recipient[at+1:])
}

// at is the record's own time in microseconds.
func (s said) at() time.Time {
	if t, err := time.Parse(time.RFC3339Nano, s.record.text("event_time")); err == nil {
		return t.UTC().Truncate(time.Microsecond)
	}
	return time.Unix(number(s.record["timestamp"]), 0).UTC()
}

// acceptedAt is the time in the message's id.
func (s said) acceptedAt() (at time.Time, ok bool) {
	id, err := uuid.Parse(s.id())
	if err != nil || id.Version() != 1 && id.Version() != 7 {
		return at, false
	}
	return time.Unix(id.Time().UnixTime()).Truncate(time.Microsecond), true
}

func (s said) accepted() string {
	at, ok := s.acceptedAt()
	if !ok {
		return ""
	}
	return stamp(at)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

func child(o object, name string) object {
	c, _ := o[name].(map[string]any)
	return c
}

func (s said) response() object { return child(s.record, "response") }

func (s said) enhanced() string {
	e := child(s.response(), "enhanced_code")
	if e == nil {
		return ""
	}
	return strings.Join([]string{
		strconv.FormatInt(number(e["class"]), 10), strconv.FormatInt(number(e["subject"]), 10), strconv.FormatInt(number(e["detail"]), 10),
	}, ".")
}

// tenant and campaign stand in meta, else in the queue's name.
func (s said) tenant() string   { return s.label("tenant", 1) }
func (s said) campaign() string { return s.label("campaign", 0) }

func (s said) label(name string, place int) string {
	if t := child(s.record, "meta").text(name); t != "" {
		return t
	}
	queue := s.record.text("queue")
	before, _, ok := strings.Cut(queue, "@")
	if !ok || strings.HasSuffix(queue, ".kumomta.internal") {
		return ""
	}
	parts := strings.SplitN(":"+before, ":", 3) // "", tenant or "", campaign, tenant
	if len(parts) == 2 {
		parts = []string{"", "", parts[1]}
	}
	return parts[1+place]
}

func (s said) application() string { return child(s.record, "meta").text("X-Email-Log-ID") }

func spelled(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func least(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// modelStats counts events by type.
func modelStats(records []object) map[string]int {
	count := map[string]int{}
	for _, s := range spread(records) {
		count[s.kind()]++
	}
	return count
}

func parseRecords(t *testing.T, lines []string) []object {
	t.Helper()
	return parseLines(t, strings.Join(lines, "\n"))
}
