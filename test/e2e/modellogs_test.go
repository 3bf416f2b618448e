package e2e

import (
	"regexp"
	"strings"
	"time"
)

// ranks of statuses, lowest first. What came back late is shown as bounced.
var ranks = map[string]int{
	"pending": 0, "deferred": 1, "transferred": 2, "expired": 3, "bounced": 4, "delivered": 5, late: 6, "complained": 7,
}

const late = "bounced late"

func shown(status string) string { return strings.TrimSuffix(status, " late") }

// ranksShown are those of the statuses that are shown by that name.
func ranksShown(name string) []int {
	var found []int
	for status, rank := range ranks {
		if shown(status) == name {
			found = append(found, rank)
		}
	}
	return found
}

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
	case "oob":
		return late
	case "feedback":
		return "complained"
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

// fact is what one record says of one message for one recipient.
type fact struct {
	said
	log         string
	own         bool   // it happened to that message, which so is known
	isReport    bool   // that message is a report
	decided     string // status, "" if it gives none
	when        time.Time
	prior, next string // the message's ids before and behind a transfer
	confidence  string // of a report
}

// facts are all that s says.
func (s said) facts() []fact {
	switch {
	case s.fromLogHook() || s.kind() == "rejection":
		return nil
	case s.isReport():
		return s.reported()
	case s.log() == "":
		return nil
	}
	own := fact{said: s, log: s.log(), own: true, isReport: signedID(s.recipient) != "", decided: s.status(), when: s.at()}
	other := s.transfer()
	if other == "" || other == s.id() {
		return []fact{own}
	}
	there := fact{said: s, log: logName(other, s.recipient)}
	if s.kind() == "xfer_out" {
		own.next, there.prior = other, s.id()
	} else {
		own.prior, there.next = other, s.id()
		there.decided, there.when = "transferred", s.at()
	}
	return []fact{own, there}
}

var newID = regexp.MustCompile(`^new id is ([0-9a-f]{32})\b`)

// transfer is the message's id on the other node, "" for none.
func (s said) transfer() string {
	switch s.kind() {
	case "xfer_out":
		if m := newID.FindStringSubmatch(s.response().text("content")); m != nil {
			return m[1]
		}
	case "xfer_in":
		return normalID(child(s.record, "meta").text("xfer_prior_id"))
	}
	return ""
}

// decides says whether f and not g tells a log's status: the higher rank, then
// of deferrals the last and of all else the first.
func (f fact) decides(g fact) bool {
	switch {
	case f.decided == "" || g.decided == "":
		return f.decided != ""
	case f.decided != g.decided:
		return ranks[f.decided] > ranks[g.decided]
	case f.decided == "deferred":
		return f.when.After(g.when)
	}
	return f.when.Before(g.when)
}

// fate is all that is said of one log.
type fate []fact

// modelFates returns all logs by message and recipient.
func modelFates(records []object) map[string]fate {
	fates := map[string]fate{}
	for _, s := range spread(records) {
		for _, f := range s.facts() {
			fates[f.log] = append(fates[f.log], f)
		}
	}
	return fates
}

// modelLogs returns the export's lines by message and recipient, without their
// ids: of mail that somebody but reports and other nodes spoke of.
func modelLogs(records []object) map[string]object {
	logs := map[string]object{}
	for name, all := range modelFates(records) {
		if all.isKnown() && !all.isReport() {
			logs[name] = all.line()
		}
	}
	return logs
}

func (all fate) isKnown() bool {
	for _, f := range all {
		if f.own {
			return true
		}
	}
	return false
}

func (all fate) isReport() bool {
	for _, f := range all {
		if f.isReport {
			return true
		}
	}
	return false
}

// decider is the fact that tells the status.
func (all fate) decider() fact {
	decider := all[0]
	for _, f := range all {
		if f.decides(decider) {
			decider = f
		}
	}
	return decider
}

func (all fate) line() object {
	decider := all.decider()
	id, recipient, _ := strings.Cut(decider.log, " ")
	times := map[string]string{}
	var size, attempts int64
	var mine []said
	for _, f := range all {
		times[shown(f.decided)] = least(times[shown(f.decided)], stamp(f.when))
		if f.own {
			size, attempts = max(size, number(f.record["size"])), max(attempts, f.attempts())
			mine = append(mine, f.said)
		}
	}
	leastOf := func(text func(said) string) any {
		known := ""
		for _, s := range mine {
			known = least(known, text(s))
		}
		return orNull(known)
	}
	known := func(text func(fact) string) any {
		known := ""
		for _, f := range all {
			known = least(known, text(f))
		}
		return orNull(known)
	}
	line := object{
		"message_id": id, "recipient": recipient, "sender": leastOf(func(s said) string { return s.record.text("sender") }),
		"status": shown(decider.decided), "attempts": spelled(attempts), "size": spelled(size),
		"accepted_at": leastOf(said.accepted), "delivered_at": orNull(times["delivered"]),
		"failed_at":     orNull(least(times["bounced"], times["expired"])),
		"complained_at": orNull(times["complained"]), "confidence": orNull(decider.confidence),
		"smtp_code": spelled(number(decider.response()["code"])), "enhanced_code": orNull(decider.enhanced()),
		"response": orNull(decider.response().text("content")),
		"tenant":   leastOf(said.tenant), "campaign": leastOf(said.campaign), "application_id": leastOf(said.application),
		"provider": leastOf(said.provider), "egress_source": leastOf(func(s said) string { return s.record.text("egress_source") }),
		"prior_id": known(func(f fact) string { return f.prior }), "next_id": known(func(f fact) string { return f.next }),
		"of_report": false,
	}
	decider.meaning(line)
	return line
}
