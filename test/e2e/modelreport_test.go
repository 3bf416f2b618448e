package e2e

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// verpKey signs the return paths of the sample.
const verpKey = "test-verp-key"

// returnPath is the signed return path of a message.
func returnPath(id string) string { return "b-" + id + "-" + mac(id) + "@bounce.example.com" }

func mac(id string) string {
	h := hmac.New(sha256.New, []byte(verpKey))
	h.Write([]byte(id))
	return hex.EncodeToString(h.Sum(nil))[:16]
}

var signed = regexp.MustCompile(`^b-([0-9a-f]{32})-([0-9a-f]{16})@`)

// signedID is the id in a return path that is signed, "" for all other
// addresses.
func signedID(address string) string {
	m := signed.FindStringSubmatch(strings.ToLower(bare(address)))
	if m == nil || m[2] != mac(m[1]) {
		return ""
	}
	return m[1]
}

func bare(address string) string { return strings.Trim(address, "<> ") }

// reference is a message's id somewhere in a report, with the recipient that
// stands beside it.
type reference struct{ by, id, recipient string }

// tie is the message that a report is about.
type tie struct {
	id, by     string
	recipients []string
}

func (t *tie) confidence() string {
	if t.by == "verp" {
		return "verified"
	}
	return "claimed"
}

// tie follows the strongest reference of a report, nil if it has none.
func (s said) tie() *tie {
	refs, named := s.references()
	for _, r := range refs {
		if r.id == "" || r.id == s.id() {
			continue
		}
		var ours []string
		for _, other := range refs {
			if other.id == r.id {
				ours = append(ours, other.recipient)
			}
		}
		return &tie{r.id, r.by, recipients(distinct(ours), distinct(named))}
	}
	return nil
}

// recipients are whom a report speaks for: the one that its references name,
// who know our own addresses; of several those whom the report names too.
func recipients(ours, named []string) []string {
	switch len(ours) {
	case 0:
		return named
	case 1:
		return ours
	}
	return slices.DeleteFunc(ours, func(a string) bool { return !slices.Contains(named, a) })
}

func distinct(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		if a = address(bare(a)); a != "" && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

func (s said) feedback() object { return child(s.record, "feedback_report") }

// references are those of a report, the strongest first, and the recipients that
// it names beside them.
func (s said) references() (refs []reference, named []string) {
	claimed := []reference{{"policy_meta", normalID(child(s.record, "meta").text("x_orig_id")), ""}}
	if s.kind() == "oob" { // its sender is where the report came to
		return append([]reference{{"verp", signedID(s.record.text("sender")), ""}}, claimed...), []string{s.recipient}
	}
	headers := headersOf(s.feedback()["original_message"])
	traces := []object{child(s.feedback(), "supplemental_trace")}
	for _, h := range headers {
		if strings.HasPrefix(h[0], "x-") {
			traces = append(traces, decodedTrace(h[1]))
		}
	}
	claimed = append(append(claimed, ofTraces(traces)...), ofHeaders(headers)...)
	claimed = slices.DeleteFunc(claimed, func(r reference) bool { return r.id == "" })
	named = texts(s.feedback()["original_rcpto_to"])
	only := onlyRecipient(traces)
	for i := range claimed {
		claimed[i].recipient = cmp.Or(claimed[i].recipient, only)
	}
	if len(claimed) == 0 { // a trace without an id
		named = append([]string{only}, named...)
	}
	return append([]reference{{"verp", signedID(s.feedback().text("original_mail_from")), ""}}, claimed...), named
}

func ofTraces(traces []object) (refs []reference) {
	for _, t := range traces {
		to := texts(t["recipient"])
		if len(to) == 0 {
			to = []string{""}
		}
		for _, one := range to {
			refs = append(refs, reference{"trace", normalID(t.text("x_msg_id")), one})
		}
	}
	return refs
}

// onlyRecipient is the one whom the first trace that names anybody names, ""
// where it names several.
func onlyRecipient(traces []object) string {
	for _, t := range traces {
		if to := texts(t["recipient"]); len(to) == 1 {
			return to[0]
		} else if len(to) > 1 {
			return ""
		}
	}
	return ""
}

func ofHeaders(headers [][2]string) (refs []reference) {
	for _, ours := range []bool{true, false} { // what KumoMTA wrote, then what others did
		for _, h := range headers {
			if h[0] == "received" && strings.Contains(h[1], "(KumoMTA") == ours {
				if m := receivedID.FindStringSubmatch(h[1]); m != nil && isUUID1(m[1]) {
					refs = append(refs, reference{"received", m[1], m[2]})
				}
			}
		}
	}
	for _, h := range headers {
		if id, _, _ := strings.Cut(bare(h[1]), "@"); h[0] == "message-id" && isUUID1(id) {
			refs = append(refs, reference{"message_id", id, ""})
		}
	}
	return refs
}

var receivedID = regexp.MustCompile(`\sid ([0-9a-f]{32})\b(?:\s+for <([^>,]+)>)?`)

func isUUID1(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && len(id) == 32 && u.Version() == 1
}

// readOfOriginal bytes of a returned message are looked at.
const readOfOriginal = 64 << 10

// headersOf are names in lower case and values, unfolded, of a message that is a
// text or a list of bytes.
func headersOf(message any) (headers [][2]string) {
	text, _ := message.(string)
	if list, ok := message.([]any); ok {
		var b []byte
		for _, one := range list {
			b = append(b, byte(number(one)))
		}
		text = string(b)
	}
	head, _, _ := strings.Cut(text[:min(len(text), readOfOriginal)], "\n\n")
	for line := range strings.Lines(regexp.MustCompile(`\n[ \t]`).ReplaceAllString(head, " ")) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			headers = append(headers, [2]string{strings.ToLower(name), strings.TrimSpace(value)})
		}
	}
	return headers
}

// decodedTrace is the object in a trace header, nil for all other headers.
func decodedTrace(value string) object {
	text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(value, " ", ""))
	var o map[string]any
	if err != nil || json.Unmarshal(text, &o) != nil || o["_@_"] != `\_/` {
		return nil
	}
	return o
}

// texts are one text, or those of a list.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				all = append(all, text)
			}
		}
		return all
	}
	return nil
}

// reported is what a report says: that its own message is one, and what became
// of the message it is about.
func (s said) reported() []fact {
	came := s.recipient
	if s.kind() == "oob" {
		came = s.record.text("sender")
	}
	var all []fact
	if s.id() != "" && came != "" {
		all = append(all, fact{said: s, log: logName(s.id(), came), isReport: true})
	}
	about := s.tie()
	if about == nil || s.isNoComplaint() {
		return all
	}
	for _, recipient := range about.recipients {
		all = append(all, fact{
			said: s, log: logName(about.id, recipient), decided: s.status(), when: s.reportedAt(), confidence: about.confidence(),
		})
	}
	return all
}

func (s said) isNoComplaint() bool {
	kind := s.feedback().text("feedback_type")
	return s.kind() == "feedback" && (kind == "not-spam" || kind == "auth-failure")
}

// reportedAt is when a report came: the time of an OOB is that of somebody
// else's clock, or of each logger's.
func (s said) reportedAt() time.Time {
	if at, ok := s.acceptedAt(); ok && s.kind() == "oob" {
		return at
	}
	return s.at()
}
