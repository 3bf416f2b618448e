package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// ServeOptions are what serve is told on its command line.
type ServeOptions struct {
	// KeepSchema leaves the store's schema alone.
	KeepSchema bool
	// Build says which program is running.
	Build telemetry.Build
}

// stopWithin bounds a graceful stop, below the 10 s after which supervisors
// kill.
const stopWithin = 9 * time.Second

// Service returns the fx options of the whole service for its settings.
func Service(s Settings, options ServeOptions, log *slog.Logger) fx.Option {
	return fx.Options(
		fx.Supply(s, options, log),
		fx.WithLogger(func() fxevent.Logger {
			l := &fxevent.SlogLogger{Logger: log}
			// Lines of 2,000 characters on how parts are put together help nobody who
			// looks for what a service does; what failed is told once, by Serve.
			l.UseLogLevel(slog.LevelDebug - 4)
			l.UseErrorLevel(slog.LevelDebug - 4)
			return l
		}),
		fx.StopTimeout(stopWithin),
		formats(), store(s.Drivers().Store), cache(s.Drivers().Cache), bus(s.Drivers().Bus), useCases(), platform(s), web(), metrics(),
	)
}

// limitMemory has the collector work harder before bodies in flight and what is
// made of them take more than they need, and less as long as they do not: what lives
// for long is a few megabytes, so that by its own measure it would begin anew with each
// page of an export. GOMEMLIMIT and GOGC say otherwise.
func limitMemory(s Settings) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		const besides = 64 << 20
		debug.SetMemoryLimit(2*int64(s.MaxInflightBytes) + besides)
	}
}

// Serve runs the service until ctx ends or the process is told to stop.
func Serve(ctx context.Context, s Settings, options ServeOptions, log *slog.Logger) error {
	limitMemory(s)
	app := fx.New(Service(s, options, log))
	if err := app.Err(); err != nil {
		return dig.RootCause(err)
	}
	start, cancel := context.WithTimeout(context.Background(), app.StartTimeout())
	defer cancel()
	if err := app.Start(start); err != nil {
		return dig.RootCause(err)
	}
	trimMemory()
	var end fx.ShutdownSignal
	select {
	case end = <-app.Wait():
	case <-ctx.Done(): // perhaps since before the start was over
	}
	log.Info("stopping: taking no more, finishing what is open")
	stop, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := app.Stop(stop); err != nil {
		return fmt.Errorf("the stop was cut short, nothing committed is lost: %w", err)
	}
	if end.ExitCode != 0 {
		return errors.New("the service failed; the reason is above")
	}
	log.Info("stopped")
	return nil
}

// web provides the handler and starts the server.
func web() fx.Option {
	return fx.Module("web", fx.Provide(newHandler), fx.Invoke(startServer))
}

func newHandler(s Settings, ingest *application.Ingest, budget *application.Budget, logs ports.LogReader,
	lookup *application.Lookup, lists *application.Lists, stream *application.Stream, store Store, c Cache, bus Bus, m *telemetry.Metrics, log *slog.Logger,
) http.Handler {
	return httpapi.New(httpapi.Config{
		WebhookKeys:  s.WebhookKeys,
		APIKeys:      s.APIKeys,
		RateLimit:    s.RateLimit,
		Open:         s.Environment == Development && s.onLoopback(),
		MaxBodyBytes: int64(s.MaxBodyBytes),
	}, httpapi.Parts{
		Ingest: ingest, Budget: budget, Logs: logs, Lookup: lookup, Lists: lists, Stream: stream, Log: log,
		Observe: m.Observe, Metrics: m.Handler(),
		Stats:        store,
		Register:     application.NewRegister(store, time.Now),
		Suppressions: application.NewSuppressions(store, time.Now),
		Quarantine:   application.NewQuarantine(store, ingest),
		Health: append([]httpapi.Probe{
			{Name: "store", Required: true, Health: store},
			{Name: "bus", Health: bus},
		}, c.probes()...),
	})
}

// finishWithin is how long open requests may take after a stop.
const finishWithin = 5 * time.Second

func startServer(life fx.Lifecycle, s Settings, handler http.Handler, stream *application.Stream, log *slog.Logger, end fx.Shutdowner) {
	server := httpapi.NewServer(handler, log)
	server.RegisterOnShutdown(stream.Stop) // its answers have no end of their own
	life.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Address())
			if err != nil {
				return fmt.Errorf("%w: set PORT or HOST, or stop what listens there", err)
			}
			log.Info("receiving log events", "webhook", "http://"+listener.Addr().String()+httpapi.Base+"/webhook",
				"data", s.DataDir, "pid", os.Getpid())
			go func() {
				if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					log.Error("the server failed", "error", err)
					_ = end.Shutdown(fx.ExitCode(1)) // fails only when it was told before
				}
			}()
			return nil
		},
		OnStop: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, finishWithin)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				return server.Close()
			}
			return nil
		},
	})
}
