package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// The model does not classify. It has the word of a postmaster on the responses
// that the samples carry, and of others knows what any verdict must be like.

// verdict is what a failure means. Which rule says so is the rule book's matter.
type verdict struct{ cause, subcause, permanence, fault string }

// Types that say more than their texts, which are KumoMTA's own.
var verdictsOfTypes = map[string]verdict{
	"admin_bounce": {"administrative", "", "permanent", "us"},
	"expiration":   {"expired", "", "permanent", "provider"},
	"feedback":     {"complaint", "", "permanent", "sender"},
	"delayed":      {"infrastructure", "busy", "temporary", "us"},
}

var verdictsOfTexts = map[string]verdict{
	"Our system has detected an unusual rate of mail":          {"sender", "rate", "temporary", "sender"},
	"The recipient's inbox is out of storage space":            {"recipient", "full", "temporary", "recipient"},
	"The email account that you tried to reach does not exist": {"recipient", "unknown", "permanent", "recipient"},
	"The account is disabled":                                  {"recipient", "disabled", "permanent", "recipient"},
	"5.1.1 <dave@example.org>: user unknown":                   {"recipient", "unknown", "permanent", "recipient"},
}

// fails says whether s tells of a failure.
func (s said) fails() bool {
	switch s.kind() {
	case "bounce", "transient_failure", "expiration", "admin_bounce", "oob", "feedback", "delayed":
		return !s.fromLogHook()
	}
	return false
}

// Stand for what the model cannot say beforehand.
type (
	anyWord struct{}
	hashOf  string // of a response
)

var verdictFields = []string{"cause", "subcause", "permanence", "fault", "rule"}

// meaning adds what the failure means to a line of the export.
func (s said) meaning(line object) {
	for _, name := range append(verdictFields, "response_hash") {
		line[name] = nil
	}
	if !s.fails() {
		return
	}
	if text := s.response().text("content"); text != "" {
		line["response_hash"] = hashOf(text)
	}
	v, known := verdictsOfTypes[s.kind()]
	if !known {
		v, known = verdictsOfTexts[s.response().text("content")]
	}
	for i, text := range []string{v.cause, v.subcause, v.permanence, v.fault} {
		line[verdictFields[i]] = orNull(text)
		if !known {
			line[verdictFields[i]] = anyWord{}
		}
	}
	line["rule"] = anyWord{}
}

// meanings are the hashes of responses seen in a test.
type meanings map[string]any

// settle checks what stands in got where want has only a kind of value, and
// puts it there.
func (m meanings) settle(t *testing.T, want, got object) {
	t.Helper()
	if want["rule"] == (anyWord{}) {
		checkVerdict(t, got)
	}
	for _, name := range verdictFields {
		if want[name] == (anyWord{}) {
			want[name] = got[name]
		}
	}
	if text, open := want["response_hash"].(hashOf); open {
		hash := got["response_hash"]
		if before, known := m[string(text)]; known && before != hash || !known && !isHash(hash) {
			t.Errorf("response_hash %v of %q, before %v", hash, text, before)
		}
		m[string(text)], want["response_hash"] = hash, hash
	}
}

func isHash(v any) bool {
	text, _ := v.(string)
	return regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(text) && strings.Trim(text, "0") != ""
}

// causes, each with its finer words.
var causes = map[string]string{
	"recipient": "unknown disabled full", "domain": "bad no_mx", "sender": "authentication reputation blocklist rate",
	"content": "spam virus policy size", "infrastructure": "timeout refused tls greylisting busy",
	"administrative": "", "expired": "", "complaint": "", "unknown": "",
}

// checkVerdict holds a verdict against what any is like.
func checkVerdict(t *testing.T, got object) {
	t.Helper()
	finer, known := causes[got.text("cause")]
	if !known || got["subcause"] != nil && !word(finer, got["subcause"]) ||
		!word("permanent temporary", got["permanence"]) || !word("recipient sender provider network us", got["fault"]) ||
		got["rule"] == nil && got["cause"] != "unknown" {
		t.Errorf("verdict %v %v %v %v %v", got["cause"], got["subcause"], got["permanence"], got["fault"], got["rule"])
	}
}

// word says whether v is one of words.
func word(words string, v any) bool {
	text, ok := v.(string)
	return ok && text != "" && strings.Contains(" "+words+" ", " "+text+" ")
}

// Some of what everybody knows of who runs mailboxes.
var (
	providersOfDomains = map[string]string{"gmail.com": "google", "yahoo.com": "yahoo", "hotmail.co.uk": "microsoft-consumer", "web.de": "gmx"}
	providersOfHosts   = map[string]string{"google.com": "google", "mail.protection.outlook.com": "microsoft-365", "yahoodns.net": "yahoo"}
)

// provider is who runs the recipient's mailbox: by the recipient's domain, else
// by the host that answered, else by those of the site, else as policy says.
func (s said) provider() string {
	recipient, host := s.recipient, child(s.record, "peer_address").text("name")
	switch s.kind() {
	case "rejection":
		return ""
	case "feedback":
		recipient, host = "", child(s.feedback(), "reporting_mta").text("name")
		if about := s.tie(); about != nil && len(about.recipients) > 0 {
			recipient = about.recipients[0]
		}
	case "reception", "xfer_in": // the peer handed it in
		host = ""
	}
	_, domain, _ := strings.Cut(recipient, "@")
	if name := providersOfDomains[strings.ToLower(domain)]; name != "" {
		return name
	}
	for _, host := range []string{host, strings.TrimSuffix(lastLabels.FindString(s.record.text("site")), "@smtp_client")} {
		for above, name := range providersOfHosts {
			if strings.HasSuffix("."+strings.TrimSuffix(strings.ToLower(host), "."), "."+above) {
				return name
			}
		}
	}
	return strings.ToLower(s.record.text("provider_name"))
}

// lastLabels are those that all hosts of a site share.
var lastLabels = regexp.MustCompile(`[\w.-]+@smtp_client$`)
