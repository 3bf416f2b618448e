package domain

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlatformRow is a message as the table of a sending platform has it: one row by
// the application's id, whatever the number of recipients.
type PlatformRow struct {
	ID          string
	Status      string // one of the platform's own names
	DeliveredAt time.Time
	FailedAt    time.Time
	Error       string
}

// PlatformNames are a platform's names for our statuses, "" for those that it
// has none for.
type PlatformNames [Complained + 1]string

// wanted are the names that platforms have for what became of a message, the
// best first. A message that is still on its way is for the platform what it was
// before.
var wanted = [Complained + 1][]string{
	Expired:     {"expired", "failed", "bounced"},
	Bounced:     {"bounced", "bounce", "failed"},
	Delivered:   {"delivered"},
	BouncedLate: {"bounced", "bounce", "failed"},
	Complained:  {"complained", "complaint", "spam"},
}

// PlainPlatformNames are those for a table that takes any text.
func PlainPlatformNames() PlatformNames {
	return PlatformNames{
		Expired: "bounced", Bounced: "bounced", Delivered: "delivered", BouncedLate: "bounced", Complained: "complained",
	}
}

// NewPlatformNames chooses among the names that a table takes, in any case.
func NewPlatformNames(taken []string) PlatformNames {
	var names PlatformNames
	for status, best := range wanted {
		for _, name := range best {
			i := slices.IndexFunc(taken, func(t string) bool { return strings.EqualFold(t, name) })
			if i >= 0 {
				names[status] = taken[i]
				break
			}
		}
	}
	return names
}

// ranks are the ranks of names that platforms give; a message that was opened
// was delivered. A platform's failed may be anything up to a bounce.
var ranks = map[string]Status{
	"": Pending, "pending": Pending, "queued": Pending, "scheduled": Pending, "created": Pending, "processing": Pending,
	"sending": Pending, "sent": Pending, "submitted": Pending, "accepted": Pending,
	"deferred": Deferred, "delayed": Deferred, "retrying": Deferred, "transferred": Transferred,
	"expired": Expired, "failed": Expired, "bounced": Bounced, "bounce": Bounced,
	"delivered": Delivered, "opened": Delivered, "clicked": Delivered,
	"complained": Complained, "complaint": Complained, "spam": Complained,
}

// rank says how far a row has come, and false where its status is none that we
// know: that is the platform's business.
func (r *PlatformRow) rank() (Status, bool) {
	rank, known := ranks[strings.ToLower(r.Status)]
	if rank == Bounced && !r.DeliveredAt.IsZero() {
		rank = BouncedLate
	}
	return rank, known
}

// Raise returns the row with what logs of its message say: the highest of their
// statuses if that is above the row's, with the answer that decided it where it
// is a failure, and times that the row has not got. It never takes a row down
// and changes nothing the second time, so logs may come in any order and twice.
func (r PlatformRow) Raise(logs []EmailLog, names PlatformNames) PlatformRow {
	if len(logs) == 0 {
		return r
	}
	rank, known := r.rank()
	top := &logs[0]
	var delivered, failed time.Time
	for i := range logs {
		if logs[i].Decision.Decides(&top.Decision) {
			top = &logs[i]
		}
		delivered = earliest(delivered, logs[i].DeliveredAt)
		failed = earliest(failed, logs[i].FailedAt)
	}
	said := top.Status()
	if r.DeliveredAt.IsZero() {
		r.DeliveredAt = delivered
	}
	if !known || said < rank {
		return r
	}
	isFailure := said == Expired || said == Bounced || said == BouncedLate
	if isFailure && r.FailedAt.IsZero() {
		r.FailedAt = failed
	}
	if said > rank && names[said] != "" {
		r.Status = names[said]
		if isFailure {
			r.Error = top.Decision.answer()
		}
	}
	return r
}

// answer is what the deciding host said, as in "550 5.1.1 no such user".
func (d *Decision) answer() string {
	var words []string
	if d.Code != 0 {
		words = append(words, strconv.Itoa(d.Code))
	}
	for _, word := range []string{d.Enhanced.String(), d.Response} {
		if word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}
