package bootstrap

import (
	"log/slog"
	"path/filepath"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
)

// Drivers say which adapter stands behind each port.
type Drivers struct {
	Bus BusDriver
}

// BusDriver is where events are announced.
type BusDriver string

// The buses.
const (
	EmbeddedNATS BusDriver = "embedded"
	ExternalNATS BusDriver = "external"
)

// Drivers are chosen by what the settings have a URL for.
func (s *Settings) Drivers() Drivers {
	d := Drivers{Bus: EmbeddedNATS}
	if s.NATSURL != "" {
		d.Bus = ExternalNATS
	}
	return d
}

// StorePath is the file of the embedded store.
func (s *Settings) StorePath() string { return filepath.Join(s.DataDir, "kumotrail.db") }

func (s *Settings) stream() natsbus.StreamConfig {
	return natsbus.StreamConfig{MaxAge: s.NATSMaxAge, MaxBytes: int64(s.NATSMaxBytes)}
}

func (s *Settings) natsServer(log *slog.Logger) natsbus.ServerConfig {
	return natsbus.ServerConfig{Dir: s.DataDir, Listen: s.NATSListen, Token: s.NATSToken, Log: log}
}

func (s *Settings) publisher() natsbus.PublisherConfig {
	return natsbus.PublisherConfig{Stream: s.stream(), LegacySubject: s.NATSLegacySubject}
}
