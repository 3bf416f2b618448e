//go:build !embedded

package e2e

import "testing"

// An answer that was kept before the report came is not given again, and one
// that was kept behind it says all that the store does.
func TestALookupShowsAtOnceWhatAReportSaysOfAMessage(t *testing.T) {
	t.Parallel()
	s := startService(t, onServers(t)...)
	message := (&tale{}).ofMessage(0)
	s.mustTake(message[0] + "\n" + message[1])
	for range 2 {
		if log := s.Lookup(messageID(0)); log.text("status") != "delivered" {
			t.Errorf("status %v, want delivered", log["status"])
		}
	}
	s.mustTake(oob(0, returnPath(messageID(0)), ""))
	for _, from := range []string{"the store", "the cache"} {
		log, types, _ := timelineOf(t, s, messageID(0))
		if log.text("status") != "bounced" || log["confidence"] != "verified" || log["cause"] != "recipient" || log["fault"] != "recipient" ||
			!isHash(log["response_hash"]) || types != "reception delivery oob" {
			t.Errorf("from %s: %v", from, log)
		}
	}
}
