package domain

import (
	"crypto/sha256"
	"time"
)

// RegistrationID tells registrations apart: 64 bits of a hash of the
// application's id and 64 of a hash of the recipient, so that those of one
// application's id stand together.
type RegistrationID [16]byte

// NewRegistrationID derives the id. Spellings of one domain give the same id.
func NewRegistrationID(applicationID, recipient string) RegistrationID {
	var id RegistrationID
	a := sha256.Sum256([]byte(applicationID))
	r := sha256.Sum256([]byte(NormalizeRecipient(recipient)))
	copy(id[:8], a[:])
	copy(id[8:], r[:])
	return id
}

// RegistrationsOf returns the least and the greatest id that a registration of
// the application's id can have.
func RegistrationsOf(applicationID string) (least, greatest RegistrationID) {
	least = NewRegistrationID(applicationID, "")
	greatest = least
	for i := 8; i < len(least); i++ {
		least[i], greatest[i] = 0, 0xff
	}
	return least, greatest
}

// String returns the id in the form of a UUID.
func (id RegistrationID) String() string { return formatUUID(id) }

// ParseRegistrationID is the inverse of String, and takes any spelling of a
// UUID.
func ParseRegistrationID(s string) (RegistrationID, error) {
	var id RegistrationID
	err := parseUUID(id[:], s)
	return id, err
}

// Registration is a message to one recipient as an application announces it,
// before or at its injection. Texts are valid UTF-8 without NUL; "" means that
// the application does not say.
type Registration struct {
	ApplicationID string // as the MTA's records will have it
	Recipient     string // domain in lower case
	Sender        string
	Subject       string
	Tenant        string
	Campaign      string
	Size          int64     // bytes, 0 if not known
	Meta          string    // a JSON object, "" for none
	RegisteredAt  time.Time // by our clock, cut to microseconds
}

// ID returns the registration's id.
func (r *Registration) ID() RegistrationID { return NewRegistrationID(r.ApplicationID, r.Recipient) }

// IsOf says whether l is the log of the registered message.
func (r *Registration) IsOf(l *EmailLog) bool {
	return l.ApplicationID == r.ApplicationID && l.Recipient == r.Recipient
}

// Pending is what is known of the message as long as the MTA has said nothing of
// it: a log without a message id, whose key is the registration's id.
func (r *Registration) Pending() EmailLog {
	return EmailLog{
		Key: LogKey(r.ID()), ApplicationID: r.ApplicationID, Recipient: r.Recipient, Sender: r.Sender,
		Tenant: r.Tenant, Campaign: r.Campaign, Size: r.Size, Confirmed: true,
	}
}
