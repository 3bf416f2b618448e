package e2e

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The model: what log records mean, told once more from docs/kumomta.md in the
// plainest way, over JSON as encoding/json reads it. It knows no order of
// arrival, no batches and no database.

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

// log names the log that s speaks of, "" for none.
func (s said) log() string {
	switch s.kind() {
	case "oob", "feedback", "rejection":
		return ""
	}
	if s.record.text("id") == "" || s.recipient == "" || s.record.text("reception_protocol") == "LogRecord" {
		return ""
	}
	return s.record.text("id") + " " + s.address()
}

func (s said) address() string {
	local, domain, ok := strings.Cut(s.recipient, "@")
	if !ok {
		return s.recipient
	}
	return local + "@" + strings.ToLower(domain)
}

// at is the record's own time in microseconds.
func (s said) at() time.Time {
	if t, err := time.Parse(time.RFC3339Nano, s.record.text("event_time")); err == nil {
		return t.UTC().Truncate(time.Microsecond)
	}
	return time.Unix(number(s.record["timestamp"]), 0).UTC()
}

// accepted is the time in the message's id.
func (s said) accepted() string {
	id, err := uuid.Parse(s.record.text("id"))
	if err != nil {
		return ""
	}
	return stamp(time.Unix(id.Time().UnixTime()))
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

// ranks of statuses, lowest first.
var ranks = map[string]int{"pending": 0, "deferred": 1, "transferred": 2, "expired": 3, "bounced": 4, "delivered": 5}

func (s said) status() string {
	switch s.kind() {
	case "delivery":
		switch s.record.text("delivery_protocol") {
		case "HttpInjectionGenerator", "DeferredSmtpInjection":
			return "pending"
		}
		return "delivered"
	case "bounce", "admin_bounce":
		return "bounced"
	case "expiration":
		return "expired"
	case "xfer_out":
		return "transferred"
	case "transient_failure", "delayed":
		return "deferred"
	}
	return "pending"
}

// attempts counts those to deliver so far, this one too if it is one.
func (s said) attempts() int64 {
	made := number(s.record["num_attempts"])
	switch s.kind() {
	case "bounce", "transient_failure":
		return made + 1
	case "delivery":
		if s.status() == "delivered" {
			return made + 1
		}
	}
	return made
}

// decides says whether s and not o tells a log's status: the higher rank, then
// of deferrals the last and of all else the first.
func (s said) decides(o said) bool {
	if a, b := ranks[s.status()], ranks[o.status()]; a != b {
		return a > b
	}
	if s.status() == "deferred" {
		return s.at().After(o.at())
	}
	return s.at().Before(o.at())
}

// modelLogs returns the export's lines by message and recipient, without their
// ids.
func modelLogs(records []object) map[string]object {
	facts := map[string][]said{}
	for _, s := range spread(records) {
		if key := s.log(); key != "" {
			facts[key] = append(facts[key], s)
		}
	}
	logs := map[string]object{}
	for key, all := range facts {
		logs[key] = modelLog(all)
	}
	return logs
}

func modelLog(all []said) object {
	decider := all[0]
	var size, attempts int64
	var delivered, failed string
	for _, s := range all {
		if s.decides(decider) {
			decider = s
		}
		size, attempts = max(size, number(s.record["size"])), max(attempts, s.attempts())
		switch s.status() {
		case "delivered":
			delivered = least(delivered, stamp(s.at()))
		case "bounced", "expired":
			failed = least(failed, stamp(s.at()))
		}
	}
	leastOf := func(text func(said) string) any {
		known := ""
		for _, s := range all {
			known = least(known, text(s))
		}
		return orNull(known)
	}
	field := func(name string) any { return leastOf(func(s said) string { return s.record.text(name) }) }
	return object{
		"message_id": decider.record.text("id"), "recipient": decider.address(), "sender": field("sender"),
		"status": decider.status(), "attempts": spelled(attempts), "size": spelled(size),
		"accepted_at": leastOf(said.accepted), "delivered_at": orNull(delivered), "failed_at": orNull(failed), "complained_at": nil,
		"smtp_code": spelled(number(decider.response()["code"])), "enhanced_code": orNull(decider.enhanced()),
		"response": orNull(decider.response().text("content")), "cause": nil,
		"tenant": leastOf(said.tenant), "campaign": leastOf(said.campaign), "application_id": leastOf(said.application),
		"provider": field("provider_name"), "egress_source": field("egress_source"),
	}
}

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

// modelAnnouncement is the payload of s, without what only the service can know.
func modelAnnouncement(s said) object {
	command := strings.TrimRight(s.response().text("command"), "\r\n")
	if s.kind() == "rejection" && s.response()["code"] == json.Number("535") {
		command = "AUTH"
	}
	meta := child(s.record, "meta")
	if meta == nil {
		meta = object{}
	}
	return object{
		"type": s.kind(), "record_type": s.record.text("type"), "message_id": orNull(s.record.text("id")),
		"recipient": orNull(s.recipient), "sender": orNull(s.record.text("sender")), "occurred_at": stamp(s.at()),
		"smtp": map[string]any{
			"code": s.response()["code"], "enhanced_code": orNull(s.enhanced()),
			"response": orNull(s.response().text("content")), "command": orNull(command),
		},
		"cause": nil, "provider": orNull(s.record.text("provider_name")), "tenant": orNull(s.tenant()), "campaign": orNull(s.campaign()),
		"egress_source": orNull(s.record.text("egress_source")), "node_id": orNull(s.record.text("nodeid")),
		"attempts": s.record["num_attempts"], "meta": map[string]any(meta),
	}
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
