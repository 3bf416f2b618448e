package bootstrap

import (
	"errors"
	"fmt"

	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// formats are those of the MTA.
func formats() fx.Option {
	return fx.Module("formats", fx.Provide(newDecoder))
}

// newDecoder reads the MTA's records and makes out what they mean. The key of
// return paths is made in DATA_DIR if it is not set.
func newDecoder(s Settings) (ports.RecordDecoder, error) {
	classifier, err := rulebook.Classifier()
	providers, err2 := rulebook.Providers()
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("rule book: %w", err)
	}
	key, err := s.secret(s.VERPKey, "verp.key")
	if err != nil {
		return nil, fmt.Errorf("VERP_KEY is not set, and none can be made: %w", err)
	}
	paths := domain.NewReturnPaths(key)
	return kumomta.NewDecoder(domain.NewInterpreter(classifier, providers, paths)), nil
}
