//go:build unix && !embedded

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
	"github.com/kumotrail/kumotrail/test/servers"
)

// Nothing is answered late for a cache, and nothing wrong.
func TestACacheThatIsAwayOrFrozenChangesNoAnswer(t *testing.T) {
	t.Parallel()
	cache := servers.OwnRedis(t)
	cache.Stop(t)
	s := startService(t, append(onPostgres(t), "REDIS_URL="+cache.URL(), startBus(t).Setting())...)
	maker := records.NewMaker(33, acceptance, time.Second)
	var posted []string
	story := func() {
		lines := maker.Message()
		for n := range lines {
			s.mustTake(lines[n])
			known := parseRecords(t, lines[:n+1])
			checkLookups(t, s, known)
			checkLookups(t, s, known)
		}
		posted = append(posted, lines...)
	}
	away := func() {
		story()
		checkReady(t, s, http.StatusOK, "degraded", "cache")
		story()
	}
	back := func() {
		s.awaitStatus("ready")
		story()
		story()
	}
	away()
	cache.Start(t)
	back()
	cache.Freeze(t)
	away()
	cache.Thaw(t)
	back()
	cache.Stop(t)
	away()
	checkWholly(t, s, parseRecords(t, posted))
}

// A record that came before and one behind the outage speak of one message.
func TestAnAnswerKeptBeforeAnOutageIsNotGivenAfterIt(t *testing.T) {
	t.Parallel()
	cache := servers.OwnRedis(t)
	s := startService(t, append(onPostgres(t), "REDIS_URL="+cache.URL(), startBus(t).Setting())...)
	texts := []string{rec(""), rec(deferral), rec(delivery)}
	s.mustTake(texts[0])
	checkLookups(t, s, parseRecords(t, texts[:1]))
	cache.Freeze(t)
	s.mustTake(texts[1])
	checkLookups(t, s, parseRecords(t, texts[:2]))
	cache.Thaw(t)
	s.awaitStatus("ready")
	for range 20 { // also when the cache is asked again
		checkLookups(t, s, parseRecords(t, texts[:2]))
	}
	s.mustTake(texts[2])
	checkLookups(t, s, parseRecords(t, texts))
	checkWholly(t, s, parseRecords(t, texts))
}
