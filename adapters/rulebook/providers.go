package rulebook

import (
	"bytes"
	_ "embed"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"github.com/kumotrail/kumotrail/domain"
)

//go:embed providers.toml
var providersFile []byte

// MailProviders returns the mailbox providers in the order of the file.
func MailProviders() ([]domain.MailProvider, error) { return mailProviders(providersFile) }

// Providers returns what knows these providers by domain and by host.
func Providers() (*domain.Providers, error) {
	list, err := MailProviders()
	if err != nil {
		return nil, err
	}
	return domain.NewProviders(list)
}

// mailProviders reads the layout of providers.toml, whose keys are those of
// domain.MailProvider.
func mailProviders(text []byte) ([]domain.MailProvider, error) {
	var f struct{ Provider []domain.MailProvider }
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&f); err != nil {
		return nil, fmt.Errorf("providers.toml: %w", explained(err))
	}
	return f.Provider, nil
}
