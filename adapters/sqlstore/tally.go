package sqlstore

import (
	"strings"
	"time"

	"github.com/DataDog/sketches-go/ddsketch/mapping"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Places of the dimensions that figures are told apart by. They are stored: a
// facet's bits are in this order.
var statsDimensions = [...]ports.Dimension{
	ports.ByProvider, ports.ByDomain, ports.ByTenant, ports.ByCampaign, ports.ByEgressSource, ports.ByCause,
}

// Where dimensions stand among statsDimensions.
const (
	providerPlace = iota
	domainPlace
	tenantPlace
	campaignPlace
	sourcePlace
)

// dims are values of statsDimensions, the symbol of "" for what is not known.
type dims [len(statsDimensions)]symbol

// symbol stands for a text, 0 for "": it is hashed and compared faster.
type symbol uint32

// symbols are texts by their symbols.
type symbols struct {
	texts []string
	of    map[string]symbol
}

func newSymbols() *symbols { return &symbols{[]string{""}, map[string]symbol{"": 0}} }

func (s *symbols) add(text string) symbol {
	at, ok := s.of[text]
	if !ok {
		at = s.append(text)
	}
	return at
}

// addBytes makes no string of what is known.
func (s *symbols) addBytes(text []byte) symbol {
	at, ok := s.of[string(text)]
	if !ok {
		at = s.append(string(text))
	}
	return at
}

func (s *symbols) append(text string) symbol {
	at := symbol(len(s.texts))
	s.texts = append(s.texts, text)
	s.of[text] = at
	return at
}

// tally counts n events of one type, or n messages of one status, that are alike
// in all that figures tell apart. n is below 0 for what no longer is so.
type tally struct {
	minute int64 // of the Unix epoch, of the occurrence or acceptance
	dims   dims
	kind   string
	n      int64
	// Of messages in PostgreSQL, which lists them:
	key       uuid // of the log
	uncounted bool // no figure does
	passage
}

// passage is how a message came through; events have none.
type passage struct {
	tried, deferred, delivered, atFirst bool
	took                                int32 // latencyIndex, where it was delivered
}

// minuteOf returns the minute that microseconds are in.
func minuteOf(micros int64) int64 { return floorDiv(micros, time.Minute.Microseconds()) }

func floorDiv(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}

// passageOf says how a message came through, from columns of its log. Times are
// in microseconds.
func passageOf(status string, attempts, accepted, delivered int64, isDelivered bool) passage {
	p := passage{
		tried:     attempts > 0,
		deferred:  attempts > 1 || attempts == 1 && (status == domain.Deferred.String() || status == domain.Expired.String()),
		delivered: isDelivered,
	}
	if isDelivered {
		p.atFirst, p.took = attempts <= 1, latencyIndex(delivered-accepted)
	}
	return p
}

// latencyAccuracy is how far a percentile may be from the message's that has its
// rank.
const latencyAccuracy = 0.01

// latencies maps a time to the index of all that are within latencyAccuracy of
// one value, as DDSketch does. Indexes are stored.
var latencies = func() *mapping.LogarithmicMapping {
	m, err := mapping.NewLogarithmicMapping(latencyAccuracy)
	if err != nil {
		panic(err) // latencyAccuracy is not between 0 and 1: a mistake in this file
	}
	return m
}()

// noTime is the index of what took no time, or less by clocks that differ.
const noTime = -1

func latencyIndex(micros int64) int32 {
	if micros <= 0 {
		return noTime
	}
	return int32(latencies.Index(float64(micros)))
}

// latencyOf returns the microseconds that an index stands for.
func latencyOf(index int32) int64 {
	if index == noTime {
		return 0
	}
	return int64(latencies.Value(int(index)) + 0.5)
}

// domainOf returns what figures call a recipient's domain: what stands behind
// its last @, in lower case as far as ASCII goes.
func domainOf(recipient string) string {
	at := strings.LastIndexByte(recipient, '@')
	if at < 0 {
		return ""
	}
	of := recipient[at+1:]
	for i := range len(of) {
		if 'A' <= of[i] && of[i] <= 'Z' {
			return lowerASCII(of)
		}
	}
	return of
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, s)
}

// dimsOfEvent are those by which an event counts.
func dimsOfEvent(e *domain.EmailEvent) [len(statsDimensions)]string {
	return [...]string{e.Provider, domainOf(e.Recipient), e.Tenant, e.Campaign, e.EgressSource, string(e.Verdict.Cause)}
}
