package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/bootstrap"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Bring the schema up to date."`
	Status migrateStatus `cmd:"" help:"Show the steps of the schema and when each was applied."`
}

type migrateUp struct{}

func (migrateUp) Run(ctx context.Context) error { return migrations(ctx, bootstrap.MigrateUp) }

type migrateStatus struct{}

func (migrateStatus) Run(ctx context.Context) error { return migrations(ctx, bootstrap.MigrateStatus) }

// migrations prints the steps that action returns.
func migrations(ctx context.Context, action func(context.Context, bootstrap.Settings) ([]sqlstore.Migration, error)) error {
	s, err := bootstrap.LoadSettings()
	if err != nil {
		return err
	}
	steps, err := action(ctx, s)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "STEP\tAPPLIED")
	for _, step := range steps {
		applied := "pending"
		if !step.AppliedAt.IsZero() {
			applied = step.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s\t%s\n", step.Name, applied)
	}
	return out.Flush()
}
