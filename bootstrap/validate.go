package bootstrap

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
	"github.com/kumotrail/kumotrail/adapters/sqlstore"
)

// Faults are all that is wrong with settings, in one message.
type Faults []string

func (f Faults) Error() string {
	if len(f) == 1 {
		return "a setting is wrong: " + f[0]
	}
	return fmt.Sprintf("%d settings are wrong:\n  - %s", len(f), strings.Join(f, "\n  - "))
}

func (f *Faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// minKeyBytes is the length of a webhook key in production.
const minKeyBytes = 16

// Validate returns Faults, or nil.
func (s *Settings) Validate() error {
	var f Faults
	s.validateServer(&f)
	s.validateKeys(&f)
	s.validateBytes(&f)
	s.validateDrivers(&f)
	if len(f) == 0 {
		return nil
	}
	return f
}

func (s *Settings) validateServer(f *Faults) {
	if s.Port < 0 || s.Port > 65535 {
		f.add("PORT: %d is not a port; take one from 1 to 65535, or 0 for any that is free", s.Port)
	}
	if s.Environment != Development && s.Environment != Production {
		f.add("NODE_ENV: %q is neither development nor production", string(s.Environment))
	}
	if strings.ContainsAny(s.Host, " /") || net.ParseIP(s.Host) == nil && strings.Contains(s.Host, ":") {
		f.add("HOST: %q is not an address or a host name without port", s.Host)
	}
	if s.DataDir == "" {
		f.add("DATA_DIR: is empty; name a folder")
	}
	if s.RetentionDays < 0 || s.RetentionDays > 36500 {
		f.add("RETENTION_DAYS: %d is not within 0 (keep all) and 36500", int(s.RetentionDays))
	}
}

func (s *Settings) validateKeys(f *Faults) {
	if slices.Contains(s.WebhookKeys, "") {
		f.add("X_KUMOMTA_KEY: has an empty key; unset it or remove the comma")
	}
	if slices.Contains(s.APIKeys, "") {
		f.add("API_KEYS: has an empty key; unset it or remove the comma")
	}
	if s.RateLimit < 0 || s.RateLimit > 1_000_000 {
		f.add("API_RATE_LIMIT: %d is not within 0 (no limit) and 1000000 requests a second", s.RateLimit)
	}
	if s.MaskRecipients != "" && s.MaskRecipients != "off" {
		f.add("MASK_RECIPIENTS: nothing can be masked yet; unset it, or take this version for no mail whose addresses must not be stored")
	}
	if s.Environment != Production {
		return
	}
	if len(s.WebhookKeys) == 0 {
		f.add("X_KUMOMTA_KEY: is not set; production needs one, of %d bytes at least", minKeyBytes)
	}
	if s.VERPKey == "" {
		f.add("VERP_KEY: is not set; production needs one, the same for all instances, or return paths signed by one are not known to another")
	}
	for _, key := range s.WebhookKeys {
		switch {
		case key == defaultKey:
			f.add("X_KUMOMTA_KEY: is the default of development; production needs one of its own")
		case key != "" && len(key) < minKeyBytes:
			f.add("X_KUMOMTA_KEY: a key has %d bytes; production needs %d at least", len(key), minKeyBytes)
		}
	}
}

func (s *Settings) validateBytes(f *Faults) {
	if s.MaxBodyBytes < 1 {
		f.add("MAX_BODY_BYTES: is 0; nothing could be received")
	}
	if s.MaxInflightBytes < s.MaxBodyBytes {
		f.add("MAX_INFLIGHT_BYTES: %d is less than MAX_BODY_BYTES, %d: such a body could never be received",
			s.MaxInflightBytes, s.MaxBodyBytes)
	}
}

func (s *Settings) validateDrivers(f *Faults) {
	if s.PostgresURL != "" {
		f.addErrors("PG_URL", sqlstore.CheckPostgresURL(s.PostgresURL))
		config := s.postgres()
		f.addErrors("PG_SCHEMA", config.Validate())
		if s.NATSURL == "" && s.Environment == Production {
			f.add("NATS_URL: is not set; with PG_URL production needs it, for every instance would have a stream of its own")
		}
	}
	if s.PlatformLog != "" {
		f.addErrors("PLATFORM_EMAIL_LOG", sqlstore.CheckPlatformName(s.PlatformLog, s.PostgresSchema))
		if s.PostgresURL == "" {
			f.add("PLATFORM_EMAIL_LOG: names a table in the database of PG_URL, which is not set")
		}
	}
	// The adapters know what they can use; here it gets the setting's name.
	log := slog.Default()
	if s.RedisURL != "" {
		f.addErrors("REDIS_URL", s.redis(log).Validate())
	}
	if s.NATSURL == "" {
		server := natsbus.ServerConfig{Dir: s.DataDir, Listen: s.NATSListen, Log: log}
		f.addErrors("NATS_LISTEN", server.Validate())
	} else {
		conn := natsbus.ConnConfig{URL: s.NATSURL, Log: log}
		f.addErrors("NATS_URL", conn.Validate())
	}
	stream := natsbus.PublisherConfig{Stream: s.stream()}
	f.addErrors("NATS_MAX_AGE, NATS_MAX_BYTES", stream.Validate())
	legacy := natsbus.PublisherConfig{LegacySubject: s.NATSLegacySubject}
	f.addErrors("NATS_LEGACY_SUBJECT", legacy.Validate())
}

// addErrors adds what an adapter says of a setting, each fault of its own.
func (f *Faults) addErrors(setting string, err error) {
	for _, fault := range errorsIn(err) {
		f.add("%s: %v", setting, fault)
	}
}

// errorsIn returns the errors that are joined in err.
func errorsIn(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
