package rediscache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// answer is what is kept of a lookup, as JSON with short names.
type answer struct {
	ID   string `json:"id"` // in the spelling that was asked, as bytes: it may be broken UTF-8
	Logs []log  `json:"logs,omitempty"`
}

type log struct {
	Key          []byte    `json:"k"`
	MessageID    string    `json:"m,omitzero"`
	Recipient    string    `json:"r,omitzero"`
	Sender       string    `json:"s,omitzero"`
	Tenant       string    `json:"t,omitzero"`
	Campaign     string    `json:"c,omitzero"`
	Application  string    `json:"a,omitzero"`
	Provider     string    `json:"p,omitzero"`
	EgressSource string    `json:"e,omitzero"`
	PriorID      string    `json:"x,omitzero"`
	NextID       string    `json:"y,omitzero"`
	Confirmed    bool      `json:"q,omitzero"`
	OfReport     bool      `json:"o,omitzero"`
	Size         int64     `json:"z,omitzero"`
	Attempts     int       `json:"n,omitzero"`
	AcceptedAt   time.Time `json:"ta,omitzero"`
	DeliveredAt  time.Time `json:"td,omitzero"`
	FailedAt     time.Time `json:"tf,omitzero"`
	ComplainedAt time.Time `json:"tc,omitzero"`

	Status     domain.Status     `json:"d,omitzero"`
	At         time.Time         `json:"dt,omitzero"`
	EventID    []byte            `json:"di"`
	Code       int               `json:"dc,omitzero"`
	Enhanced   [3]int            `json:"de,omitzero"`
	Response   string            `json:"dr,omitzero"`
	Hash       uint64            `json:"dh,omitzero"`
	Confidence domain.Confidence `json:"df,omitzero"`

	Cause      domain.Cause      `json:"vc,omitzero"`
	Subcause   domain.Subcause   `json:"vs,omitzero"`
	Permanence domain.Permanence `json:"vp,omitzero"`
	Fault      domain.Fault      `json:"vf,omitzero"`
	Rule       string            `json:"vr,omitzero"`
}

// encode returns the answer to id.
func encode(id string, logs []domain.EmailLog) ([]byte, error) {
	a := answer{ID: base64.RawStdEncoding.EncodeToString([]byte(id)), Logs: make([]log, len(logs))}
	for i := range logs {
		a.Logs[i] = ofDomain(&logs[i])
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(a)
	return b.Bytes(), err
}

func ofDomain(l *domain.EmailLog) log {
	d, v := &l.Decision, &l.Decision.Verdict
	return log{
		Key: l.Key[:], MessageID: l.MessageID, Recipient: l.Recipient, Sender: l.Sender,
		Tenant: l.Tenant, Campaign: l.Campaign, Application: l.ApplicationID,
		Provider: l.Provider, EgressSource: l.EgressSource, Size: l.Size, Attempts: l.Attempts,
		PriorID: l.PriorID, NextID: l.NextID, Confirmed: l.Confirmed, OfReport: l.OfReport,
		AcceptedAt: l.AcceptedAt, DeliveredAt: l.DeliveredAt, FailedAt: l.FailedAt, ComplainedAt: l.ComplainedAt,
		Status: d.Status, At: d.At, EventID: d.EventID[:], Code: d.Code,
		Enhanced: [3]int{d.Enhanced.Class, d.Enhanced.Subject, d.Enhanced.Detail}, Response: d.Response,
		Hash: d.ResponseHash, Confidence: d.Confidence,
		Cause: v.Cause, Subcause: v.Subcause, Permanence: v.Permanence, Fault: v.Fault, Rule: v.Rule,
	}
}

// decode returns the logs of an answer, and false if it is none to id.
func decode(id, text string) ([]domain.EmailLog, bool) {
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return nil, false
	}
	if asked, err := base64.RawStdEncoding.DecodeString(a.ID); err != nil || string(asked) != id {
		return nil, false
	}
	logs := make([]domain.EmailLog, len(a.Logs))
	for i := range a.Logs {
		logs[i] = a.Logs[i].toDomain()
	}
	return logs, true
}

func (l *log) toDomain() domain.EmailLog {
	d := domain.EmailLog{
		MessageID: l.MessageID, Recipient: l.Recipient, Sender: l.Sender,
		Tenant: l.Tenant, Campaign: l.Campaign, ApplicationID: l.Application,
		Provider: l.Provider, EgressSource: l.EgressSource, Size: l.Size, Attempts: l.Attempts,
		PriorID: l.PriorID, NextID: l.NextID, Confirmed: l.Confirmed, OfReport: l.OfReport,
		AcceptedAt: l.AcceptedAt, DeliveredAt: l.DeliveredAt, FailedAt: l.FailedAt, ComplainedAt: l.ComplainedAt,
		Decision: domain.Decision{
			Status: l.Status, At: l.At, Code: l.Code,
			Enhanced: domain.EnhancedCode{Class: l.Enhanced[0], Subject: l.Enhanced[1], Detail: l.Enhanced[2]},
			Response: l.Response, ResponseHash: l.Hash, Confidence: l.Confidence,
			Verdict: domain.Verdict{
				Cause: l.Cause, Subcause: l.Subcause, Permanence: l.Permanence, Fault: l.Fault, Rule: l.Rule,
			},
		},
	}
	copy(d.Key[:], l.Key)
	copy(d.Decision.EventID[:], l.EventID)
	return d
}

// name is the key of an id, the same for all its spellings and as short for all.
func (c *Cache) name(id string) string {
	sum := sha256.Sum256([]byte(domain.NormalizeMessageID(id)))
	return c.config.Prefix + "lookup:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}
