package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Dimension is what figures may be told apart by, besides time.
type Dimension string

// The dimensions. A domain is that of the recipient, behind the last @ and in
// lower case as far as ASCII goes.
const (
	ByProvider     Dimension = "provider"
	ByDomain       Dimension = "domain"
	ByTenant       Dimension = "tenant"
	ByCampaign     Dimension = "campaign"
	ByEgressSource Dimension = "egress_source"
	ByCause        Dimension = "cause"
)

// StatsQuery says of what there shall be figures. Zero fields choose all.
type StatsQuery struct {
	// From and To choose times in [From, To).
	From, To time.Time
	// Width is that of buckets, a divisor of a day. They are aligned to UTC days.
	Width time.Duration
	// By are up to two different dimensions.
	By []Dimension

	Tenant   string
	Campaign string
	Provider string
	Domain   string // in any case

	// Limit is how many rows there are at most, the first ones; 0 for no limit.
	Limit int
}

// Group is what the figures of a row are of: the query's dimensions in their
// order, "" for one that is not known or not asked for.
type Group [2]string

// EventCount is the number of events of one type within a bucket and group.
type EventCount struct {
	Bucket time.Time // its start
	Group  Group
	Type   domain.EventType
	Count  int64
}

// MessageCount is the number of messages (logs) of one status, by its name,
// within a bucket and group.
type MessageCount struct {
	Bucket time.Time // its start
	Group  Group
	Status string
	Count  int64
}

// Latency tells how messages of a bucket and group came through.
type Latency struct {
	Bucket time.Time // its start
	Group  Group
	// Messages are all; of those Tried had an attempt, Deferred one that did not
	// come through while the message was kept for another, Delivered were
	// delivered at some time, and AtFirst at the first attempt.
	Messages, Tried, Deferred, Delivered, AtFirst int64
	// Took are percentiles (Percentiles) of the time from acceptance to first
	// delivery, in microseconds: each within 1 % of that of the message which has
	// its rank, the nearest. Clocks that differ may put a time below zero: then it
	// is zero. All are zero where nothing was delivered.
	Took [len(Percentiles)]int64
}

// Percentiles are those of Latency.Took.
var Percentiles = [4]int{50, 90, 95, 99}

// StatsReader counts what is stored, and of before the cut-offs of a Prune
// perhaps also what that let go of. All that was committed is in. Rows come in order of bucket, group (an
// unknown value first, others bytewise), and type or status by name; what was
// not is left out. None is no rows and a nil error; so it is for texts that
// cannot be stored, with a NUL in them or broken UTF-8.
type StatsReader interface {
	// CountEvents counts events by when they occurred.
	CountEvents(ctx context.Context, q StatsQuery) ([]EventCount, error)
	// CountMessages counts logs by when they were accepted: of mail, confirmed.
	CountMessages(ctx context.Context, q StatsQuery) ([]MessageCount, error)
	// Latencies says of the logs that CountMessages counts how they came through.
	Latencies(ctx context.Context, q StatsQuery) ([]Latency, error)
}
