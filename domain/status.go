package domain

// Status is what became of a message for one recipient. Statuses have ranks
// and a log's never goes down, whatever the order of arrival.
type Status uint8

// The statuses, lowest first.
const (
	Pending Status = iota
	Deferred
	Transferred
	Expired
	Bounced // in session, or by an administrator
	Delivered
	BouncedLate // out of band, after acceptance
	Complained
)

var statusNames = [...]string{
	Pending: "pending", Deferred: "deferred", Transferred: "transferred", Expired: "expired",
	Bounced: "bounced", Delivered: "delivered", BouncedLate: "bounced", Complained: "complained",
}

// String returns the status's name. Both kinds of bounce are "bounced".
func (s Status) String() string {
	if int(s) >= len(statusNames) {
		return "unknown"
	}
	return statusNames[s]
}

// ParseStatuses returns the statuses of that name, none if there is no such
// name.
func ParseStatuses(name string) []Status {
	var found []Status
	for s, n := range statusNames {
		if n == name {
			found = append(found, Status(s))
		}
	}
	return found
}

// statusOf is the status that one event alone gives its message.
func statusOf(e *EmailEvent) Status {
	switch e.Type {
	case Delivery:
		if e.isMailDelivery() {
			return Delivered
		}
	case Bounce, AdminBounce:
		return Bounced
	case Expiration:
		return Expired
	case XferOut:
		return Transferred
	case TransientFailure, Delayed:
		return Deferred
	}
	return Pending
}
