package main

import (
	"context"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// decoder reads records and makes out what they mean, as the service does.
var decoder = sync.OnceValue(func() kumomta.Decoder {
	classifier, err := rulebook.Classifier()
	if err != nil {
		panic(err) // its own tests hold the data
	}
	providers, err := rulebook.Providers()
	if err != nil {
		panic(err)
	}
	return kumomta.NewDecoder(domain.NewInterpreter(classifier, providers, domain.NewReturnPaths("benchmark")))
})

// ingestRate has bodies decoded and committed, pgWriters at once.
func (db *pgServer) ingestRate(ctx context.Context, with ports.RecordDecoder, units [][]string) (float64, error) {
	const schema = "bench_ingest"
	store, err := db.open(ctx, schema)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.drop(ctx, schema) }()
	defer store.Close()
	bodies := make([]string, len(units))
	for i, u := range units {
		bodies[i] = records.Array(u)
	}
	ingest := application.NewIngest(with, application.NewCommitter(store, nil), 0, time.Now)
	return inParallel(len(bodies), func(i int) error {
		_, err := ingest.Ingest(ctx, bodies[i])
		return err
	})
}

// meaningRound gives the same units to ingest with and without their meaning.
func (m *pgFigures) meaningRound(ctx context.Context, db *pgServer, units [][]string) error {
	with, err := db.ingestRate(ctx, decoder(), units)
	if err != nil {
		return err
	}
	without, err := db.ingestRate(ctx, kumomta.Decoder{}, units)
	m.meant, m.meantNot = append(m.meant, with), append(m.meantNot, without)
	return err
}
