package bootstrap

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"go.uber.org/fx"
)

func TestEveryMixOfDriversIsWhole(t *testing.T) {
	for name, env := range mixes() {
		t.Run(name, func(t *testing.T) {
			s, err := settingsFrom(env)
			if err != nil {
				t.Fatal(err)
			}
			var handler http.Handler
			app := fx.Options(Service(s, ServeOptions{}, slog.New(slog.DiscardHandler)), fx.Populate(&handler))
			if err := fx.ValidateApp(app); err != nil {
				t.Error(err)
			}
		})
	}
}

// mixes are settings for each mix of drivers.
func mixes() map[string]map[string]string {
	all := map[string]map[string]string{}
	stores := map[string]string{"SQLite": "", "PostgreSQL": "postgres://db.example.com/mail"}
	buses := map[string]string{"embedded NATS": "", "external NATS": "nats://nats.example.com:4222"}
	caches := map[string]string{"no Redis": "", "Redis": "rediss://:secret@redis.example.com/1"}
	for store, pg := range stores {
		for bus, nats := range buses {
			for cache, redis := range caches {
				all[store+", "+bus+", "+cache] = map[string]string{"PG_URL": pg, "NATS_URL": nats, "REDIS_URL": redis}
			}
		}
	}
	return all
}

func TestServiceStartsAnswersAndStops(t *testing.T) {
	s, err := settingsFrom(map[string]string{"PORT": "0", "NATS_LISTEN": "off", "DATA_DIR": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	app := fx.New(Service(s, ServeOptions{}, log))
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := fx.New(Service(s, ServeOptions{}, log))
	if err := again.Err(); err == nil {
		t.Error("a second service took the same DATA_DIR")
	}
	start := time.Now()
	if err := app.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > stopWithin {
		t.Errorf("the stop took %v", took)
	}
	last := fx.New(Service(s, ServeOptions{}, log))
	if err := last.Err(); err != nil {
		t.Errorf("the folder is still locked: %v", err)
	}
	if err := last.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := last.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
