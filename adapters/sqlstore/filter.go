package sqlstore

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// dialect is what the databases say in different words.
type dialect struct {
	numbered bool // placeholders are $1, $2 ...
	// indexed are conditions that their index alone serves, on the value twice;
	// that on the recipient on what its index has of it, and on its text.
	// email_log_rare has the same.
	indexed map[field]string
	// recipient returns what the index on recipients is asked for.
	recipient func(string) any
	// unindexed goes before a column that no index shall serve.
	unindexed string
	rank      string // a condition on the rank of the status
	ending    string // a condition on the end of the recipient, after its length
	ranks     func([]domain.Status) any
	instant   func(time.Time) any
}

type field int

// What a filter may ask for that has an index, the most telling first.
const (
	byKey field = iota // no index but the key's own
	byApplication
	byRecipient
	byCampaign
	byTenant
	byDomain
)

// indexOf returns the index that serves f best.
func indexOf(f *ports.LogFilter) field {
	switch {
	case f.MessageID != "":
		return byKey // all of a message stand together
	case f.ApplicationID != "":
		return byApplication
	case f.Recipient != "":
		return byRecipient
	case f.Campaign != "":
		return byCampaign
	case f.Tenant != "":
		return byTenant
	case f.Domain != "":
		return byDomain
	}
	return byKey
}

// isNarrow says whether f chooses so few logs that all of them can be looked at.
func isNarrow(f *ports.LogFilter) bool {
	return f.MessageID != "" || f.ApplicationID != "" || f.Recipient != ""
}

// conditions returns what f asks of email_log, but for the kind of message.
func (d *dialect) conditions(f *ports.LogFilter) *conditions {
	return d.conditionsBy(f, indexOf(f))
}

// conditionsBy are conditions that the index serves.
func (d *dialect) conditionsBy(f *ports.LogFilter, index field) *conditions {
	c := &conditions{numbered: d.numbered}
	c.add("confirmed")
	recipient := domain.NormalizeRecipient(f.Recipient)
	for _, text := range []struct {
		field         field
		column, value string
	}{
		{byApplication, "application_id", f.ApplicationID},
		{byCampaign, "campaign", f.Campaign},
		{byTenant, "tenant", f.Tenant},
		{byRecipient, "recipient", recipient},
		{byKey, "message_id", domain.NormalizeMessageID(f.MessageID)},
		{byKey, "provider", f.Provider},
		{byKey, "egress_source", f.EgressSource},
		{byKey, "cause", string(f.Cause)},
	} {
		if index == byRecipient && text.field == byRecipient {
			c.add(d.indexed[index], d.recipient(recipient), recipient)
			continue
		}
		d.text(c, text.field == index, text.field, text.column, text.value)
	}
	if f.Domain != "" {
		name := strings.ToLower(f.Domain)
		if index == byDomain {
			c.add(d.indexed[index], name)
		}
		ending := "@" + name
		c.add(d.ending, int64(utf8.RuneCountInString(ending)), ending)
	}
	d.unlisted(c, f)
	return c
}

// text adds that a column has a value, by the index of its field if that is the
// one that is used; "" asks nothing.
func (d *dialect) text(c *conditions, isIndex bool, of field, column, value string) {
	switch {
	case value == "":
	case !isIndex || of == byKey:
		c.add(d.unindexed+column+" = ?", value)
	default:
		c.add(d.indexed[of], value, value)
	}
}

// unlisted adds what f asks that no list by status answers to the last: the rank
// behind the status, and the time to the microsecond.
func (d *dialect) unlisted(c *conditions, f *ports.LogFilter) {
	if len(f.Statuses) > 0 {
		c.add(d.rank, d.ranks(f.Statuses))
	}
	if !f.From.IsZero() {
		c.add("accepted_at >= ?", d.instant(f.From))
	}
	if !f.To.IsZero() {
		c.add("accepted_at < ?", d.instant(f.To))
	}
}

// ofRare adds what f asks of email_log_rare, of one status, but for the key and
// the kind of message.
func (d *dialect) ofRare(c *conditions, f *ports.LogFilter, status string) {
	c.add("status = ?", status)
	index := rareIndexOf(f)
	for _, text := range []struct {
		field         field
		column, value string
	}{
		{byCampaign, "campaign", f.Campaign},
		{byTenant, "tenant", f.Tenant},
		{byDomain, "domain", strings.ToLower(f.Domain)},
		{byKey, "provider", f.Provider},
		{byKey, "egress_source", f.EgressSource},
		{byKey, "cause", string(f.Cause)},
	} {
		d.text(c, text.field == index, text.field, text.column, text.value)
	}
}

// recipientHash is the part of a log's key that comes of its recipient.
func recipientHash(recipient string) []byte {
	key := domain.NewLogKey("", recipient)
	return key[11:]
}

// choosesNothing says whether f asks for a text that no column can hold, and
// no query either.
func choosesNothing(f *ports.LogFilter) bool {
	return !allCanBe(f.MessageID, f.ApplicationID, f.Recipient, f.Domain, f.Tenant, f.Campaign,
		f.Provider, f.EgressSource, string(f.Cause))
}

func allCanBe(texts ...string) bool {
	for _, text := range texts {
		if text != "" && !canBeID(text) {
			return false
		}
	}
	return true
}

// ceilMicro rounds a bound up: stored times have no part below microseconds.
func ceilMicro(t time.Time) int64 {
	return t.Add(time.Microsecond - 1).UnixMicro()
}
