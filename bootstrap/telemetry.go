package bootstrap

import (
	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// metrics provides the metrics and puts them around what they measure.
func metrics() fx.Option {
	return fx.Options(
		fx.Provide(func(o ServeOptions) *telemetry.Metrics { return telemetry.New(o.Build) }),
		fx.Decorate(
			(*telemetry.Metrics).Journal,
			measureBus, measureCache,
			func(m *telemetry.Metrics, i *application.Ingest) *application.Ingest { return i.WithTally(m.Tally()) },
			(*telemetry.Metrics).InFlight,
		),
		fx.Invoke(func(m *telemetry.Metrics, b *application.Budget, s Store) {
			m.WatchBudget(b)
			m.WatchStore(s)
		}),
	)
}

// measuredBus is a Bus whose acknowledgements are measured.
type measuredBus struct {
	ports.Publisher
	ports.Health
}

func measureBus(m *telemetry.Metrics, b Bus) Bus { return measuredBus{m.Publisher(b), b} }

func measureCache(m *telemetry.Metrics, c Cache) Cache {
	if c.LookupCache != nil {
		c.LookupCache = m.LookupCache(c.LookupCache)
	}
	return c
}
