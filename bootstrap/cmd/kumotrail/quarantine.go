package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/bootstrap"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

type quarantineCommand struct {
	List  quarantineList  `cmd:"" help:"List what is in quarantine, newest first."`
	Show  quarantineShow  `cmd:"" help:"Print the bytes of an entry."`
	Retry quarantineRetry `cmd:"" help:"Take entries once more, all without an ID; what is taken leaves the quarantine."`
}

type quarantineList struct{}

func (quarantineList) Run(ctx context.Context) error {
	return withQuarantine(ctx, func(q *application.Quarantine) error {
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "ID\tRECEIVED\tBYTES\tREASON")
		err := q.All(ctx, func(e ports.Quarantined) error {
			_, err := fmt.Fprintf(out, "%s\t%s\t%d\t%s\n", e.ID, e.ReceivedAt.Format(time.RFC3339), e.Size, e.Reason)
			return err
		})
		return errors.Join(err, out.Flush())
	})
}

type quarantineShow struct {
	ID string `arg:"" help:"An ID as list prints it."`
}

func (c *quarantineShow) Run(ctx context.Context) error {
	id, err := domain.ParseQuarantineID(c.ID)
	if err != nil {
		return fmt.Errorf("quarantine ID: %w", err)
	}
	return withQuarantine(ctx, func(q *application.Quarantine) error {
		e, err := q.Show(ctx, id)
		if err != nil {
			return err
		}
		// The bytes alone go to standard output, so that they can be piped.
		fmt.Fprintf(os.Stderr, "%s, %s, %d bytes: %s\n", e.ID, e.ReceivedAt.Format(time.RFC3339), e.Size, e.Reason)
		_, err = fmt.Println(e.Raw)
		return err
	})
}

type quarantineRetry struct {
	IDs []string `arg:"" optional:"" name:"id" help:"IDs as list prints them."`
}

func (c *quarantineRetry) Run(ctx context.Context) error {
	var ids []domain.QuarantineID
	for _, s := range c.IDs {
		id, err := domain.ParseQuarantineID(s)
		if err != nil {
			return fmt.Errorf("quarantine ID: %w", err)
		}
		ids = append(ids, id)
	}
	return withQuarantine(ctx, func(q *application.Quarantine) error { return retry(ctx, q, ids) })
}

// retry retries ids, or every entry there is now.
func retry(ctx context.Context, q *application.Quarantine, ids []domain.QuarantineID) error {
	if len(ids) == 0 {
		err := q.All(ctx, func(e ports.Quarantined) error {
			ids = append(ids, e.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	still := 0
	for _, id := range ids {
		r, err := q.Retry(ctx, id)
		if err != nil {
			return err
		}
		still += r.Quarantined
		fmt.Printf("%s: %d stored, %d duplicates, %d expired, %d still in quarantine\n",
			id, r.Stored, r.Duplicates, r.Expired, r.Quarantined)
	}
	if still > 0 {
		return fmt.Errorf("%d records could not be taken this time either", still)
	}
	return nil
}

func withQuarantine(ctx context.Context, do func(*application.Quarantine) error) error {
	s, err := bootstrap.LoadSettings()
	if err != nil {
		return err
	}
	q, closeStore, err := bootstrap.OpenQuarantine(ctx, s)
	if err != nil {
		return err
	}
	return errors.Join(do(q), closeStore())
}
