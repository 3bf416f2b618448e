package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// recordTypes are KumoMTA's, and one of a version to come.
var recordTypes = []string{
	"Reception", "Delivery", "Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback",
	"Rejection", "Delayed", "AdminRebind", "DeferredInjectionRebind", "XferOut", "XferIn", "SomethingNew",
}

// awkward texts are valid UTF-8 without NUL, as texts of events are.
var awkward = []string{
	"", " ", `'`, `"`, `\`, `\\"'`, "a\nb\r\n\tc", "{}", "null", "NULL", `\u0000`, `{a,"b",NULL}`, "%s ? ?? :a $1",
	"naïve café", "😀 \U0010FFFF", "\ufeff\u2028\u200f", "\x01\x7f", "zwölf\x1b[31m", "1e9", "007",
	strings.Repeat("long ☂ ", 20_000),
}

// Pools from which generated records take, small so that they meet.
var (
	messageIDs = []string{
		messageID(1), messageID(2), messageID(3),
		idV1(at(4), 4), idV1(at(5), 5), // as KumoMTA makes them today
		idV1(time.Unix(0, 0), 6), idAt(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 7), // times that ids do not carry
		"not-a-uuid", "😀'\"\\", "",
	}
	recipients = []string{
		"a@example.com", "a@EXAMPLE.com", "A@example.com", "b@example.org", `"quo ted\""@example.com`,
		"Postmaster", "用户@例え.jp", "", "o'neill+😀@example.com", strings.Repeat("x", 300) + "@example.com",
	}
	// Bytewise order of these is neither that of a locale nor that of UTF-16.
	names    = []string{"", "", "a", "B", "ab", "A", "é", "z", "\uff5e", "😀", "10", "9"}
	instants = []time.Time{
		at(10), at(10), at(11), at(11).Add(time.Microsecond), at(12), at(86400), at(-86400 * 40),
		time.Unix(0, 0).UTC(), time.Unix(-1, 999_999_000).UTC(), time.Date(1970, 1, 1, 0, 0, 7, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	}
	protocols = []string{"ESMTP", "ESMTP", "ESMTP", "", "Lua", "Maildir", "HttpInjectionGenerator", "DeferredSmtpInjection"}
)

// idV1 returns a UUID v1 of t.
func idV1(t time.Time, n int) string {
	ticks := t.UnixNano()/100 + 0x01b21dd213814000
	return fmt.Sprintf("%08x%04x1%03x8000%012x", ticks&0xffffffff, ticks>>32&0xffff, ticks>>48&0xfff, n)
}

// Texts generates texts as events have them: with quotes, backslashes, control
// characters and emoji, sometimes empty, seldom very long.
func Texts() *rapid.Generator[string] {
	clean := func(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?") }
	return rapid.OneOf(
		rapid.SampledFrom(awkward[:len(awkward)-1]),
		rapid.SampledFrom(names),
		rapid.Map(rapid.StringN(0, 8, -1), clean),
		rapid.Custom(func(t *rapid.T) string {
			if rapid.IntRange(0, 40).Draw(t, "long") == 40 {
				return awkward[len(awkward)-1]
			}
			return ""
		}))
}

// Metas generates JSON objects, and "" for none.
func Metas() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "none") {
			return ""
		}
		b, err := json.Marshal(map[string]string{"tag": Texts().Draw(t, "tag")})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
}

// Records generates records of all types, about few messages and recipients,
// with few times.
func Records() *rapid.Generator[Record] { return recordsOf(recordTypes, messageIDs, recipients) }

func recordsOf(types, messages, recipients []string) *rapid.Generator[Record] {
	return rapid.Custom(func(t *rapid.T) Record {
		text, name := Texts(), rapid.SampledFrom(names)
		e := domain.EmailEvent{
			RecordType: rapid.SampledFrom(types).Draw(t, "type"),
			MessageID:  rapid.SampledFrom(messages).Draw(t, "message"),
			Sender:     name.Draw(t, "sender"), Queue: text.Draw(t, "queue"), Site: text.Draw(t, "site"),
			OccurredAt: rapid.SampledFrom(instants).Draw(t, "occurred"),
			Attempts:   rapid.IntRange(0, 65535).Draw(t, "attempts"),
			Response: domain.Response{
				Code:    rapid.IntRange(0, 999).Draw(t, "code"),
				Content: text.Draw(t, "content"), Command: text.Draw(t, "command"),
			},
			PeerName: name.Draw(t, "peer"), PeerAddress: text.Draw(t, "address"),
			EgressPool: name.Draw(t, "pool"), EgressSource: name.Draw(t, "source"), SourceAddress: name.Draw(t, "from"),
			DeliveryProtocol:  rapid.SampledFrom(protocols).Draw(t, "delivery"),
			ReceptionProtocol: rapid.SampledFrom([]string{"ESMTP", "HTTP", "", "LogRecord"}).Draw(t, "reception"),
			NodeID:            rapid.SampledFrom([]string{"", "node-a", "node-b"}).Draw(t, "node"),
			SessionID:         name.Draw(t, "session"),
		}
		if rapid.Bool().Draw(t, "enhanced") {
			e.Response.Enhanced = domain.EnhancedCode{
				Class:   rapid.SampledFrom([]int{2, 4, 5}).Draw(t, "class"),
				Subject: rapid.IntRange(0, 255).Draw(t, "subject"), Detail: rapid.IntRange(0, 999).Draw(t, "detail"),
			}
		}
		e.AcceptedAt = accepted(e.MessageID)
		r := Record{EmailEvent: e, Recipients: some(recipients, 0, 3).Draw(t, "recipients")}
		vary(t, &r)
		return r
	})
}

// accepted is when the MTA took a message, which its records know also where
// its id does not say; but one whose id is "" is none.
func accepted(messageID string) time.Time {
	if t, ok := domain.MessageTime(messageID); ok {
		return t.Truncate(time.Microsecond)
	}
	if messageID == "" {
		return time.Time{}
	}
	return at(len(messageID))
}

// some generates subsets of pool.
func some(pool []string, least, most int) *rapid.Generator[[]string] {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(pool), least, min(most, len(pool)), rapid.ID)
}

// vary draws what copies of one record may disagree on (kumomta.md, section 3).
func vary(t *rapid.T, r *Record) {
	name := rapid.SampledFrom(names)
	r.Meta, r.Size = Metas().Draw(t, "meta"), rapid.Int64Range(0, 1<<40).Draw(t, "size")
	r.Tenant, r.Campaign = name.Draw(t, "tenant"), name.Draw(t, "campaign")
	r.ApplicationID, r.Classification = name.Draw(t, "application"), name.Draw(t, "classification")
	r.Provider = name.Draw(t, "provider")
	r.Verdict, r.ResponseHash = verdicts().Draw(t, "verdict"), rapid.SampledFrom(hashes).Draw(t, "hash")
	r.OfReport = rapid.IntRange(0, 4).Draw(t, "of a report") == 0
	varyTies(t, r)
	r.Noise = name.Draw(t, "noise")
	r.Recipients = rapid.Permutation(r.Recipients).Draw(t, "order")
	if r.RecordType == "OOB" { // its time may be of each logger's clock
		r.OccurredAt = rapid.SampledFrom(instants).Draw(t, "report seen")
	}
}

// CopiesOf generates copies of r: other loggers' records of the same events.
func CopiesOf(r Record) *rapid.Generator[Record] {
	return rapid.Custom(func(t *rapid.T) Record {
		c := r
		c.Recipients = slices.Clone(r.Recipients)
		vary(t, &c)
		if rapid.Bool().Draw(t, "upper case") && len(c.MessageID) == 32 {
			c.MessageID = strings.ToUpper(c.MessageID)
		}
		return c
	})
}

// Units generates sequences of units: some records and their copies in any
// order and any grouping, with rejects among them. Each sequence is of few
// types, messages and recipients, so that many records speak of one log.
func Units() *rapid.Generator[[]ports.Unit] {
	return rapid.Custom(func(t *rapid.T) []ports.Unit {
		drawn := recordsOf(some(recordTypes, 1, 5).Draw(t, "types"),
			some(messageIDs, 1, 3).Draw(t, "messages"), some(recipients, 1, 4).Draw(t, "to"))
		var records []Record
		for _, r := range rapid.SliceOfN(drawn, 1, 12).Draw(t, "records") {
			records = append(records, r)
			records = append(records, rapid.SliceOfN(CopiesOf(r), 0, 2).Draw(t, "copies")...)
		}
		units := []ports.Unit{{}}
		for i, r := range rapid.Permutation(records).Draw(t, "order") {
			if rapid.IntRange(0, 3).Draw(t, "split") == 0 {
				units = append(units, ports.Unit{})
			}
			u := &units[len(units)-1]
			u.Events = append(u.Events, r.Events(received.Add(time.Duration(i)*time.Minute))...)
			if rapid.IntRange(0, 9).Draw(t, "reject") == 0 {
				u.Rejects = append(u.Rejects, domain.Reject{
					Index: i, Reason: "not a record", ReceivedAt: received,
					Raw: "{" + rapid.SampledFrom(names).Draw(t, "broken"),
				})
			}
		}
		return units
	})
}
