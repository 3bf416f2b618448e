//go:build !embedded

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

// Who listens hears on when the bus is back; who comes meanwhile is told.
func TestLiveStreamOutlivesAnOutageOfTheBus(t *testing.T) {
	t.Parallel()
	bus := startBus(t)
	s := newService(t, append(onStoreAndCache(t), bus.Setting())...)
	s.Start()
	maker := records.NewMaker(4, acceptance, time.Second)
	l := s.Listen("", "")
	s.mustTake(strings.Join(maker.Lines(5), "\n"))
	heard := l.events(5)

	bus.Stop()
	s.awaitStatus("degraded")
	if code, body := s.Get(livePath); code != http.StatusServiceUnavailable || !strings.Contains(body, "The bus cannot be reached") {
		t.Errorf("without the bus: %d %s", code, body)
	}
	s.mustTake(strings.Join(maker.Lines(5), "\n"))
	bus.Start()
	heard = append(heard, l.events(5)...)
	checkLive(t, heard, s.Announced(10))
}
