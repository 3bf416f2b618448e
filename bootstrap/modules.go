package bootstrap

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// Bus is all that a bus is asked for.
type Bus interface {
	ports.Publisher
	ports.Health
}

// bus provides the Bus of a driver.
func bus(driver BusDriver) fx.Option {
	connect := fx.Provide(connectEmbedded)
	if driver == ExternalNATS {
		connect = fx.Provide(connectExternal)
	}
	return fx.Module("bus", connect, fx.Provide(newPublisher, ofPublisher))
}

func connectEmbedded(life fx.Lifecycle, s Settings, _ lockedDataDir, log *slog.Logger) (*natsbus.Conn, error) {
	config, err := s.natsServer(log)
	if err != nil {
		return nil, err
	}
	server, err := natsbus.StartServer(config)
	if err != nil {
		return nil, err
	}
	life.Append(fx.StopHook(server.Close))
	return connect(life, natsbus.ConnConfig{Server: server, Log: log})
}

func connectExternal(life fx.Lifecycle, s Settings, log *slog.Logger) (*natsbus.Conn, error) {
	conn, err := connect(life, natsbus.ConnConfig{URL: s.NATSURL, CredsFile: s.NATSCreds, CAFile: s.NATSCA, Log: log})
	if err != nil {
		return nil, fmt.Errorf("NATS_URL, NATS_CREDS or NATS_CA: %w", err)
	}
	return conn, nil
}

// connectWithin is how long the start waits for a bus. Later it connects behind
// the scenes: events are taken without it.
const connectWithin = time.Second

func connect(life fx.Lifecycle, config natsbus.ConnConfig) (*natsbus.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	conn, err := natsbus.Connect(ctx, config)
	if err != nil {
		return nil, err
	}
	life.Append(fx.StopHook(conn.Close))
	return conn, nil
}

func newPublisher(conn *natsbus.Conn, s Settings) (*natsbus.Publisher, error) {
	return natsbus.NewPublisher(conn, s.publisher())
}

func ofPublisher(p *natsbus.Publisher) (Bus, ports.Feed) { return p, natsbus.NewFeed(p) }

// useCases provides the way of a record: Ingest to Group to Committer to the
// store, and Relay from there to the bus.
func useCases() fx.Option {
	return fx.Module("usecases",
		fx.Provide(startRelay, startGroup, newIngest, newBudget, newStream, application.NewLists),
		fx.Invoke(startRetention, startRollups))
}

func newBudget(s Settings) *application.Budget {
	return application.NewBudget(int64(s.MaxInflightBytes))
}

func newIngest(decoder ports.RecordDecoder, group *application.Group, s Settings) *application.Ingest {
	return application.NewIngest(decoder, group, s.RetentionDays, time.Now)
}

func startGroup(life fx.Lifecycle, journal ports.Journal, c Cache, relay *application.Relay, s Settings) *application.Group {
	group := application.NewGroup(application.NewCommitter(c.forgetting(journal), relay),
		application.GroupConfig{Writers: s.writers()})
	life.Append(fx.StopHook(group.Close))
	return group
}

// drainFor is how long the relay may go on publishing after a stop.
const drainFor = 2 * time.Second

func startRelay(life fx.Lifecycle, outbox ports.Outbox, bus Bus, log *slog.Logger) *application.Relay {
	relay := application.NewRelay(outbox, bus, log, application.RelayConfig{})
	inBackground(life, func(ctx context.Context) { relay.Run(ctx, drainFor) })
	return relay
}

// newStream returns the live stream. It is told of a stop by the server, before
// that waits for its requests.
func newStream(life fx.Lifecycle, feed ports.Feed, log *slog.Logger) *application.Stream {
	stream := application.NewStream(feed, log, application.StreamConfig{})
	life.Append(fx.StopHook(func(ctx context.Context) error { return within(ctx, stream.Close) }))
	return stream
}

func startRetention(life fx.Lifecycle, pruner ports.Pruner, s Settings, log *slog.Logger) {
	inBackground(life, application.NewRetention(pruner, s.RetentionDays, log).Run)
}

func startRollups(life fx.Lifecycle, store Store, log *slog.Logger) {
	inBackground(life, application.NewRollups(store, log).Run)
}

// inBackground runs work from start to stop, and waits for its end.
func inBackground(life fx.Lifecycle, work func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	life.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() {
				defer close(ended)
				work(ctx)
			}()
			return nil
		},
		OnStop: func(stop context.Context) error {
			cancel()
			return within(stop, func() { <-ended })
		},
	})
}

// within waits for work until ctx ends.
func within(ctx context.Context, work func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
