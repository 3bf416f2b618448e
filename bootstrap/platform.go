package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// platform keeps the platform's own table up to date, if it has named one.
func platform(s Settings) fx.Option {
	if s.PlatformLog == "" {
		return fx.Options()
	}
	return fx.Module("platform", fx.Invoke(startPlatform))
}

// startPlatform refuses a table that cannot be told; one that cannot be looked
// at now is looked at later.
func startPlatform(life fx.Lifecycle, s Settings, store Store, feed ports.Feed, log *slog.Logger) error {
	opened, ok := store.(*sqlstore.Postgres)
	if !ok {
		return errors.New("PLATFORM_EMAIL_LOG: the store is not PostgreSQL")
	}
	table, err := sqlstore.NewPostgresPlatform(opened, s.PlatformLog)
	if err != nil {
		return fmt.Errorf("PLATFORM_EMAIL_LOG: %w", err)
	}
	life.Append(fx.StopHook(table.Close))
	ctx, cancel := context.WithTimeout(context.Background(), reachWithin)
	defer cancel()
	if err := table.Check(ctx); errors.Is(err, ports.ErrRefused) {
		return fmt.Errorf("PLATFORM_EMAIL_LOG: %w", err)
	}
	inBackground(life, application.NewPlatform(table, feed, opened, log).Run)
	return nil
}
