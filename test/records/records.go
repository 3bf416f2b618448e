// Package records makes log records as KumoMTA writes them, for benchmarks,
// samples and tests: messages of a platform with tenants and campaigns, most of
// them delivered at once, some after a deferral, some bounced.
package records

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Maker makes records. It is not safe for concurrent use; two of one seed make
// the same records.
type Maker struct {
	random *rand.Rand
	now    time.Time // acceptance of the next message
	step   time.Duration
	serial uint16
}

// NewMaker makes messages accepted from start on, one every step.
func NewMaker(seed uint64, start time.Time, step time.Duration) *Maker {
	return &Maker{random: rand.New(rand.NewPCG(seed, 1)), now: start.UTC().Truncate(time.Microsecond), step: step}
}

const nodeID = "557f3ad4-2c8c-11ee-976e-782d7e12e173"

// Message returns the records of one message in their order, one JSON object
// each.
func (m *Maker) Message() []string {
	msg := m.next()
	lines := []string{msg.reception()}
	attempt, at := 0, msg.accepted.Add(1500*time.Millisecond)
	if m.random.IntN(100) < 15 {
		deferral := response{451, &enhanced{4, 7, 28}, "Our system has detected an unusual rate of mail", "MAIL FROM:<" + msg.sender + ">\r\n"}
		lines = append(lines, msg.record("TransientFailure", at, attempt, deferral))
		attempt, at = 1, at.Add(20*time.Minute)
	}
	if m.random.IntN(100) < 4 {
		bounce := response{550, &enhanced{5, 1, 1}, "The email account that you tried to reach does not exist", "RCPT TO:<" + msg.recipient + ">\r\n"}
		return append(lines, msg.record("Bounce", at, attempt, bounce))
	}
	return append(lines, msg.record("Delivery", at, attempt, m.taken()))
}

// taken is what a host says that takes a message.
func (m *Maker) taken() response {
	return response{250, &enhanced{2, 0, 0}, fmt.Sprintf("OK queued as %08x", m.random.Uint32()), ".\r\n"}
}

func (msg *message) reception() string {
	return msg.record("Reception", msg.accepted.Add(2*time.Millisecond), 0, response{Code: 250, Content: "OK ids=" + msg.id})
}

// Lines returns n records of as many messages as it takes.
func (m *Maker) Lines(n int) []string {
	lines := make([]string, 0, n+3)
	for len(lines) < n {
		lines = append(lines, m.Message()...)
	}
	return lines[:n]
}

// Array returns lines as one JSON array.
func Array(lines []string) string { return "[" + strings.Join(lines, ",") + "]" }

const sender = "bounce@news.example.com"

var (
	tenants = []string{"acme", "globex", "initech", "umbrella", "hooli"}
	domains = []string{"example.org", "example.net", "mail.example.org", "inbox.example.com", "post.example.edu"}
	// hosts take the mail of a domain: two providers' and the domain's own.
	hosts = map[string]string{
		"example.org": "gmail-smtp-in.l.google.com", "example.net": "example-net.mail.protection.outlook.com",
		"mail.example.org": "gmail-smtp-in.l.google.com",
	}
)

// message is what all records of a message have in common.
type message struct {
	id, sender, recipient, tenant, campaign, domain, application string
	accepted                                                     time.Time
	size                                                         int
	isReport                                                     bool
}

func (m *Maker) next() message {
	msg := message{
		accepted: m.now,
		tenant:   tenants[m.random.IntN(len(tenants))],
		campaign: fmt.Sprintf("campaign-%d", m.random.IntN(40)),
		domain:   domains[m.random.IntN(len(domains))],
		size:     800 + m.random.IntN(40000),
	}
	msg.id, msg.sender = uuid1(m.now, m.serial), sender
	msg.recipient = fmt.Sprintf("user%d@%s", m.random.IntN(5_000_000), msg.domain)
	msg.application = "eml_" + msg.id[:24]
	m.now = m.now.Add(m.step)
	m.serial++
	return msg
}

// uuid1 is a UUID v1 without dashes (RFC 9562, section 5.1).
func uuid1(at time.Time, serial uint16) string {
	const gregorian = 0x01b21dd213814000
	ticks := uint64(at.UnixNano()/100) + gregorian
	var b [16]byte
	binary.BigEndian.PutUint32(b[0:], uint32(ticks))
	binary.BigEndian.PutUint16(b[4:], uint16(ticks>>32))
	binary.BigEndian.PutUint16(b[6:], uint16(ticks>>48)&0x0fff|0x1000)
	binary.BigEndian.PutUint16(b[8:], serial&0x3fff|0x8000)
	copy(b[10:], []byte{0x78, 0x2d, 0x7e, 0x12, 0xe1, 0x73})
	return hex.EncodeToString(b[:])
}

type enhanced struct {
	Class   int `json:"class"`
	Subject int `json:"subject"`
	Detail  int `json:"detail"`
}

type response struct {
	Code     int       `json:"code"`
	Enhanced *enhanced `json:"enhanced_code"`
	Content  string    `json:"content"`
	Command  any       `json:"command"`
}

// record spells one record as KumoMTA of 2026 does, nulls and all. What else is
// given stands in place of what such records have.
func (msg *message) record(kind string, at time.Time, attempts int, r response, others ...map[string]any) string {
	fields := []struct {
		name  string
		value any
	}{
		{"type", kind}, {"id", msg.id}, {"sender", msg.sender}, {"recipient", msg.recipient},
		{"queue", msg.queue()}, {"site", ""}, {"size", msg.size},
		{"response", r}, {"peer_address", map[string]string{"name": "app1.example.com", "addr": "198.51.100.7"}},
		{"timestamp", at.Unix()}, {"event_time", stamp(at)},
		{"created", msg.accepted.Unix()}, {"created_time", stamp(msg.accepted)},
		{"num_attempts", attempts}, {"bounce_classification", "Uncategorized"},
		{"egress_pool", nil}, {"egress_source", nil}, {"source_address", nil}, {"feedback_report", nil},
		{"meta", msg.meta()},
		{"headers", map[string]string{"Subject": "Your order"}},
		{"delivery_protocol", nil}, {"reception_protocol", "ESMTP"}, {"nodeid", nodeID},
	}
	if isOutbound(kind) {
		host := cmp.Or(hosts[msg.domain], "mx1."+msg.domain)
		others = append(others, map[string]any{
			"site":         "ip-1->" + host + "@smtp_client",
			"peer_address": map[string]string{"name": host + ".", "addr": "192.0.2.25"},
			"egress_pool":  "pool0", "egress_source": "ip-1",
			"source_address":    map[string]string{"address": "10.0.0.1:53210"},
			"delivery_protocol": "ESMTP",
		})
	}
	for _, other := range others {
		for i := range fields {
			if v, ok := other[fields[i].name]; ok {
				fields[i].value = v
			}
		}
	}
	var b strings.Builder
	for i, f := range fields {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		fmt.Fprintf(&b, "%q:", f.name)
		b.WriteString(spell(f.value))
	}
	fmt.Fprintf(&b, `,"session_id":"40d27aa8-8295-5f5c-8ecf-%012x"}`, at.UnixMicro()&0xffffffffffff)
	return b.String()
}

// queue and meta of a report say nothing of who sent what it is about.
func (msg *message) queue() string {
	if msg.isReport {
		return msg.domain
	}
	return msg.campaign + ":" + msg.tenant + "@" + msg.domain
}

func (msg *message) meta() map[string]string {
	if msg.isReport {
		return map[string]string{}
	}
	return map[string]string{"tenant": msg.tenant, "campaign": msg.campaign, "X-Email-Log-ID": msg.application}
}

// isOutbound says whether records of the type tell of another host than the one
// that handed the message in.
func isOutbound(kind string) bool { return kind != "Reception" && kind != "OOB" && kind != "Feedback" }

// spell encodes without the escapes that browsers need and KumoMTA does not use.
func spell(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // plain values always can
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.999999999Z07:00") }
