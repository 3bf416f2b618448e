package bootstrap

import (
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/kumotrail/kumotrail/application"
)

// Settings are what the environment says. docs/settings.md describes them.
type Settings struct {
	Port        int         `env:"PORT" envDefault:"8021"`
	Host        string      `env:"HOST"`
	Environment Environment `env:"NODE_ENV" envDefault:"development"`

	WebhookKeys Keys `env:"X_KUMOMTA_KEY"`
	APIKeys     Keys `env:"API_KEYS"`
	RateLimit   int  `env:"API_RATE_LIMIT" envDefault:"50"`

	VERPKey string `env:"VERP_KEY"`

	MaskRecipients string `env:"MASK_RECIPIENTS"`

	DataDir       string           `env:"DATA_DIR" envDefault:"./data"`
	RetentionDays application.Keep `env:"RETENTION_DAYS" envDefault:"90"`

	MaxBodyBytes     Bytes `env:"MAX_BODY_BYTES" envDefault:"67108864"`
	MaxInflightBytes Bytes `env:"MAX_INFLIGHT_BYTES" envDefault:"100663296"`

	PostgresURL    string        `env:"PG_URL"`
	PostgresSchema string        `env:"PG_SCHEMA" envDefault:"kumotrail"`
	PlatformLog    string        `env:"PLATFORM_EMAIL_LOG"`
	RedisURL       string        `env:"REDIS_URL"`
	redisTimeout   time.Duration // of a call, 0 for the usual; tests have more

	NATSURL           string        `env:"NATS_URL"`
	NATSCreds         string        `env:"NATS_CREDS"`
	NATSCA            string        `env:"NATS_CA"`
	NATSListen        string        `env:"NATS_LISTEN" envDefault:"127.0.0.1:4222"`
	NATSToken         string        `env:"NATS_TOKEN"`
	NATSMaxAge        time.Duration `env:"NATS_MAX_AGE" envDefault:"168h"`
	NATSMaxBytes      Bytes         `env:"NATS_MAX_BYTES" envDefault:"4GiB"`
	NATSLegacySubject string        `env:"NATS_LEGACY_SUBJECT"`

	LogLevel slog.Level `env:"LOG_LEVEL" envDefault:"info"`

	BaseURL string `env:"BASE_URL"`
	MTA     MTASettings
}

// Environment is where the service runs.
type Environment string

// The environments.
const (
	Development Environment = "development"
	Production  Environment = "production"
)

// Keys are secrets, written with commas between. Nothing prints them.
type Keys []string

// UnmarshalText splits at commas; what is set but empty is one empty key.
func (k *Keys) UnmarshalText(text []byte) error {
	*k = nil
	for key := range strings.SplitSeq(string(text), ",") {
		*k = append(*k, strings.TrimSpace(key))
	}
	return nil
}

// String says how many keys there are.
func (k Keys) String() string { return fmt.Sprintf("%d keys", len(k)) }

// Bytes is a size as in 67108864, 64MB or 4 GiB.
type Bytes int64

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("not a size in bytes as in 67108864 or 64MiB")
	}
	*b = Bytes(n)
	return nil
}

// Address is where the server listens.
func (s *Settings) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// onLoopback says whether only this machine reaches the server.
func (s *Settings) onLoopback() bool {
	ip := net.ParseIP(s.Host)
	return s.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// defaultKey is let in during development, when no other key is set.
const defaultKey = "reloop"

// complete fills in what depends on other settings.
func (s *Settings) complete() {
	if s.Host == "" {
		if s.Host = "127.0.0.1"; s.Environment == Production {
			s.Host = "0.0.0.0"
		}
	}
	if s.WebhookKeys == nil && s.Environment == Development {
		s.WebhookKeys = Keys{defaultKey}
	}
}
