package records

import (
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

const (
	bounceDomain = "bounce.example.com"
	fblAddress   = "fbl@fbl.example.com"
)

// LateBounce returns the records of a message that was delivered and came back:
// its own, and those of the notification that went to its return path, which is
// signed with the key.
func (m *Maker) LateBounce(key string) []string {
	msg, lines := m.delivered(key)
	report := m.report("", msg.sender, msg.accepted.Add(20*time.Minute))
	host := map[string]any{"peer_address": map[string]string{"name": "mail." + msg.domain, "addr": "192.0.2.30"}}
	lines = append(lines, report.record("Reception", report.accepted.Add(2*time.Millisecond), 0,
		response{Code: 250, Content: "OK ids=" + report.id}, host))
	// The record has the return path as its sender, and the address that failed.
	oob := report
	oob.sender, oob.recipient, oob.size = msg.sender, msg.recipient, 0
	unknown := response{550, &enhanced{5, 1, 1}, "5.1.1 <" + msg.recipient + ">: user unknown", nil}
	return append(lines, oob.record("OOB", report.accepted.Add(-5*time.Second), 0, unknown, host))
}

// Complaint returns the records of a message whose recipient complained of it,
// by a feedback report that gives back the return path, which is signed with the
// key.
func (m *Maker) Complaint(key string) []string {
	msg, lines := m.delivered(key)
	report := m.report("fbl@provider.example", fblAddress, msg.accepted.Add(30*time.Minute))
	return append(lines, report.record("Feedback", report.accepted.Add(10*time.Millisecond), 0, response{Code: 250}, map[string]any{
		"peer_address": map[string]string{"name": "fbl.provider.example", "addr": "192.0.2.44"},
		"feedback_report": map[string]any{
			"feedback_type": "abuse", "user_agent": "SomeFBL/1.0", "version": "1", "arrival_date": stamp(report.accepted),
			"incidents": nil, "original_envelope_id": nil, "original_mail_from": msg.sender,
			"reporting_mta": map[string]string{"mta_type": "dns", "name": "fbl.provider.example"}, "source_ip": "198.51.100.9",
			"authentication_results": []string{}, "original_rcpto_to": []string{msg.recipient},
			"reported_domain": []string{"news.example.com"}, "reported_uri": []string{}, "extensions": map[string]any{},
			"original_message": "Subject: Your order\n\nHello\n", "supplemental_trace": nil,
		},
	}))
}

// delivered is a message with a signed return path, and its records.
func (m *Maker) delivered(key string) (message, []string) {
	msg := m.next()
	msg.sender = domain.NewReturnPaths(key).Sign(msg.id, bounceDomain)
	return msg, []string{msg.reception(), msg.record("Delivery", msg.accepted.Add(1500*time.Millisecond), 0, m.taken())}
}

// report is a message that comes to us from outside.
func (m *Maker) report(from, to string, accepted time.Time) message {
	m.serial++
	return message{
		id: uuid1(accepted, m.serial), sender: from, recipient: to, domain: bounceDomain,
		accepted: accepted, size: 4000, isReport: true,
	}
}
