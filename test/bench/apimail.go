package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// apiMail is the mail that the API is asked about: of many tenants, campaigns and
// domains, a few of them large, over a span of days. Units are made apart from
// each other and always alike, so what is stored need not be remembered.
type apiMail struct {
	from time.Time
	span time.Duration
	n    int  // units
	loud bool // nothing of it is of what falls silent
}

const (
	apiTenants   = 200
	apiCampaigns = 5 // of each tenant
	apiDomains   = 20_000
	apiUsers     = 3_000_000
	apiMessages  = 450 // a unit: 1,000 events
	// Who took mail on the first days alone, and what sent it in the first third.
	silentProvider, silentSource = "silent-host", "ip-old"
	rareProvider                 = "rare-host"
	monitor                      = "monitor@d00000.example" // gets one in 300
)

// apiMessage is what all records of a message have in common.
type apiMessage struct {
	domain.EmailEvent
	fate float64
}

// unit returns the events of the messages that are accepted in a unit's time, in
// order of their messages.
func (m *apiMail) unit(n int) []domain.EmailEvent {
	random := rand.New(rand.NewPCG(uint64(n), 7))
	events := make([]domain.EmailEvent, 0, 3*apiMessages)
	for i := range apiMessages {
		at := m.from.Add(m.span / time.Duration(m.n) * time.Duration(n)).Add(m.span / time.Duration(m.n*apiMessages) * time.Duration(i))
		msg := m.message(random, at, n*apiMessages+i)
		events = append(events, msg.events(random)...)
	}
	return events
}

// tail returns a number below n, small ones more often the greater the power.
func tail(random *rand.Rand, n, power int) int {
	u := random.Float64()
	for range power {
		u *= random.Float64()
	}
	return int(u * float64(n))
}

func (m *apiMail) message(random *rand.Rand, at time.Time, n int) apiMessage {
	tenant := tail(random, apiTenants, 2)
	msg := apiMessage{fate: random.Float64()}
	e := &msg.EmailEvent
	e.MessageID = fmt.Sprintf("%012x7%03x8%015x", at.UnixMilli(), n&0xfff, n)
	e.Tenant = fmt.Sprintf("tenant-%d", tenant)
	e.Campaign = fmt.Sprintf("campaign-%d", tenant*apiCampaigns+tail(random, apiCampaigns, 1))
	e.ApplicationID = fmt.Sprintf("eml_%d", n)
	e.Sender, e.AcceptedAt, e.Size = "bounce@news.example.com", at.UTC().Truncate(time.Microsecond), int64(800+random.IntN(40000))
	e.Recipient, e.Provider = recipient(random)
	e.EgressSource = fmt.Sprintf("ip-%d", random.IntN(20))
	e.NodeID = "557f3ad4-2c8c-11ee-976e-782d7e12e173"
	switch age := at.Sub(m.from); {
	case m.loud:
	case age < m.span/18 && random.IntN(50) == 0:
		e.Provider = silentProvider
	case age < m.span/3 && random.IntN(20) == 0:
		e.EgressSource = silentSource
	}
	return msg
}

func recipient(random *rand.Rand) (address, provider string) {
	user := fmt.Sprintf("user%d@", random.IntN(apiUsers))
	switch share := random.IntN(300); {
	case share == 0:
		return monitor, ""
	case share < 90:
		return user + "gmail.com", "google"
	case share < 120:
		return user + "outlook.com", "microsoft-consumer"
	case share < 140:
		return user + "yahoo.com", "yahoo"
	}
	n := tail(random, apiDomains, 1)
	provider = map[int]string{0: "google", 1: "microsoft-365"}[n%10]
	if n > apiDomains*95/100 {
		provider = rareProvider
	}
	return fmt.Sprintf("%sd%05d.example", user, n), provider
}

var (
	greylisted  = domain.Response{Code: 451, Enhanced: domain.EnhancedCode{Class: 4, Subject: 7, Detail: 1}, Content: "try again later"}
	unknownUser = domain.Response{Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Content: "the address does not exist"}
	tooOld      = domain.Response{Code: 551, Enhanced: domain.EnhancedCode{Class: 5, Subject: 4, Detail: 7}, Content: "message has been in the queue too long"}
)

// events are those of one message: one in seven is deferred for a while, 4 %
// bounce, and few have any other fate.
func (msg *apiMessage) events(random *rand.Rand) []domain.EmailEvent {
	made := []domain.EmailEvent{msg.event("Reception", 2*time.Millisecond, domain.Response{Code: 250, Content: "OK"})}
	after := 1500*time.Millisecond + time.Duration(random.IntN(3000))*time.Millisecond
	if random.IntN(7) == 0 {
		made = append(made, msg.event("TransientFailure", after, greylisted))
		after += 20 * time.Minute
	}
	attempts := len(made) - 1
	last := func(kind string, r domain.Response) {
		e := msg.event(kind, after, r)
		e.Attempts = attempts
		made = append(made, e)
	}
	switch fate := msg.fate; {
	case fate < 0.040:
		last("Bounce", unknownUser)
	case fate < 0.043:
		last("Expiration", tooOld)
	case fate < 0.045:
		last("TransientFailure", greylisted)
	case fate < 0.046:
		last("XferOut", domain.Response{})
	default:
		last("Delivery", domain.Response{Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Content: fmt.Sprintf("OK queued as %08x", random.Uint32())})
	}
	if msg.fate > 0.998 {
		made = append(made, msg.report())
	}
	return made
}

func (msg *apiMessage) event(kind string, after time.Duration, r domain.Response) domain.EmailEvent {
	e := msg.EmailEvent
	e.RecordType, e.Type, e.Response = kind, domain.EventTypeOfRecord(kind), r
	e.OccurredAt = e.AcceptedAt.Add(after)
	e.ReceivedAt, e.DeliveryProtocol = e.OccurredAt.Add(time.Second), "ESMTP"
	if kind == "Reception" {
		e.EgressSource, e.ReceptionProtocol, e.DeliveryProtocol = "", "ESMTP", ""
	}
	if r.Code >= 400 {
		e.Verdict = domain.Verdict{Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent, Fault: domain.FaultRecipient, Rule: "google-user-unknown"}
		e.ResponseHash = uint64(r.Code)
	}
	return identified(e)
}

// report is a late bounce or a complaint.
func (msg *apiMessage) report() domain.EmailEvent {
	e := domain.EmailEvent{
		RecordType: "OOB", Recipient: msg.Recipient, Sender: msg.Sender, NodeID: msg.NodeID,
		AcceptedAt: msg.AcceptedAt.Add(30 * time.Minute), Size: 4000, Response: unknownUser,
		Report:   &domain.Report{MailFrom: msg.Sender},
		Original: &domain.Original{MessageID: msg.MessageID, Recipients: []string{msg.Recipient}, By: domain.TieVERP},
	}
	if msg.fate > 0.999 {
		e.RecordType, e.Response, e.Report.FeedbackType = "Feedback", domain.Response{Code: 250}, "abuse"
	}
	e.Type = domain.EventTypeOfRecord(e.RecordType)
	e.MessageID = fmt.Sprintf("%012x%s", e.AcceptedAt.UnixMilli(), msg.MessageID[12:])
	e.OccurredAt, e.ReceivedAt = e.AcceptedAt.Add(time.Millisecond), e.AcceptedAt.Add(time.Second)
	return identified(e)
}

// identified returns the event with its id and a record as long as KumoMTA's.
func identified(e domain.EmailEvent) domain.EmailEvent {
	id := domain.Identity{
		NodeID: e.NodeID, RecordType: e.RecordType, MessageID: e.MessageID, EventTime: e.OccurredAt,
		Timestamp: e.OccurredAt.Unix(), Created: e.AcceptedAt.Unix(), Recipients: []string{e.Recipient},
		Sender: e.Sender, Response: e.Response, Attempts: e.Attempts,
	}
	digest, _ := id.Digest(nil)
	e.ID = digest.EventID(e.Recipient)
	e.Raw = fmt.Sprintf(`{"type":%q,"id":%q,"sender":%q,"recipient":%q,"queue":"%s:%s@example","site":"","size":%d,`+
		`"response":{"code":%d,"enhanced_code":{"class":%d,"subject":%d,"detail":%d},"content":%q,"command":null},`+
		`"peer_address":{"name":"mx.example.com","addr":"192.0.2.25"},"timestamp":%d,"event_time":%q,"created":%d,"created_time":%q,`+
		`"num_attempts":%d,"bounce_classification":"Uncategorized","egress_pool":"pool0","egress_source":%q,"source_address":null,`+
		`"feedback_report":null,"meta":{"tenant":%q,"campaign":%q,"X-Email-Log-ID":%q},"headers":{"Subject":"Your order"},`+
		`"delivery_protocol":%q,"reception_protocol":"ESMTP","nodeid":%q,"session_id":"40d27aa8-8295-5f5c-8ecf-%012x"}`,
		e.RecordType, e.MessageID, e.Sender, e.Recipient, e.Campaign, e.Tenant, e.Size,
		e.Response.Code, e.Response.Enhanced.Class, e.Response.Enhanced.Subject, e.Response.Enhanced.Detail, e.Response.Content,
		e.OccurredAt.Unix(), e.OccurredAt.Format(time.RFC3339Nano), e.AcceptedAt.Unix(), e.AcceptedAt.Format(time.RFC3339Nano),
		e.Attempts, e.EgressSource, e.Tenant, e.Campaign, e.ApplicationID, e.DeliveryProtocol, e.NodeID, e.OccurredAt.UnixMicro())
	return e
}
