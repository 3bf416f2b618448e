package bootstrap

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
)

// MTASettings are what `kumotrail policy write` makes KumoMTA's policy of; serve
// has no use for them. The fields are those of policy.Options.
type MTASettings struct {
	Version string `env:"KUMOMTA_VERSION"`

	WebhookURL string   `env:"KUMOMTA_WEBHOOK_URL"`
	KeyFile    string   `env:"KUMOMTA_KEY_FILE"`
	SkipEvents []string `env:"KUMOMTA_SKIP_EVENTS"`

	Hostname       string   `env:"KUMOMTA_HOSTNAME"`
	TLSCertificate string   `env:"KUMOMTA_TLS_CERTIFICATE"`
	TLSPrivateKey  string   `env:"KUMOMTA_TLS_PRIVATE_KEY"`
	TrustedHosts   []string `env:"KUMOMTA_TRUSTED_HOSTS"`
	SMTPUsersFile  string   `env:"KUMOMTA_SMTP_USERS_FILE"`

	BounceDomains []string `env:"KUMOMTA_BOUNCE_DOMAINS"`
	FBLDomains    []string `env:"KUMOMTA_FBL_DOMAINS"`
	VERPKeyFile   string   `env:"KUMOMTA_VERP_KEY_FILE"`

	SpoolFlush bool `env:"KUMOMTA_SPOOL_FLUSH"`

	Sink string `env:"KUMOMTA_SINK"`

	EgressAddresses []string `env:"KUMOMTA_EGRESS_ADDRESSES"`
	HAProxy         string   `env:"KUMOMTA_HAPROXY"`
	SOCKS5          string   `env:"KUMOMTA_SOCKS5"`

	SmartHost             string `env:"KUMOMTA_SMART_HOST"`
	SmartHostUser         string `env:"KUMOMTA_SMART_HOST_USER"`
	SmartHostPasswordFile string `env:"KUMOMTA_SMART_HOST_PASSWORD_FILE"`

	HTTPDeliveryDomain  string `env:"KUMOMTA_HTTP_DELIVERY_DOMAIN"`
	HTTPDeliveryURL     string `env:"KUMOMTA_HTTP_DELIVERY_URL"`
	HTTPDeliveryKeyFile string `env:"KUMOMTA_HTTP_DELIVERY_KEY_FILE"`

	RedisFile string `env:"KUMOMTA_REDIS_FILE"`

	AMQPFile       string `env:"KUMOMTA_AMQP_FILE"`
	AMQPExchange   string `env:"KUMOMTA_AMQP_EXCHANGE"`
	AMQPRoutingKey string `env:"KUMOMTA_AMQP_ROUTING_KEY"`
}

// LoadPolicy returns the options of KumoMTA's policy from where LoadSettings
// reads. Settings that only serve needs may be missing, for the policy is often
// written where the MTA is. Its error is Faults.
func LoadPolicy() (policy.Options, error) {
	sources, err := environment()
	if err != nil {
		return policy.Options{}, err
	}
	return policyFrom(sources...)
}

func policyFrom(sources ...map[string]string) (policy.Options, error) {
	s, f := parseSettings(sources...)
	if len(f) > 0 {
		return policy.Options{}, f
	}
	o := s.policy()
	for _, fault := range errorsIn(o.Validate()) {
		f.add("%s", nameSettings(fault.Error()))
	}
	if len(f) > 0 {
		return policy.Options{}, f
	}
	return o, nil
}

// none switches off what has a default.
const none = "off"

// policy fills in what depends on the environment: in development the MTA runs
// in a container on this machine and all mail goes to Mailpit.
func (s *Settings) policy() policy.Options {
	o := policy.Options(s.MTA)
	for _, list := range []*[]string{
		&o.SkipEvents, &o.TrustedHosts, &o.BounceDomains, &o.FBLDomains, &o.EgressAddresses,
	} {
		*list = trimmed(*list)
	}
	if o.WebhookURL == "" {
		o.WebhookURL = s.BaseURL
	}
	if s.Environment == Development {
		if o.WebhookURL == "" {
			o.WebhookURL = "http://host.docker.internal:" + strconv.Itoa(s.Port)
		}
		if o.Sink == "" {
			o.Sink = "mailpit:1025"
		}
		if len(o.TrustedHosts) == 0 {
			o.TrustedHosts = append(policy.DefaultTrustedHosts(), "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
		}
	}
	if o.Sink == none {
		o.Sink = ""
	}
	return o
}

func trimmed(list []string) []string {
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// fieldName is how faults of policy.Options name fields.
var fieldName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]+\b`)

// nameSettings puts the variables in place of the fields that a fault names.
func nameSettings(fault string) string {
	return fieldName.ReplaceAllStringFunc(fault, func(word string) string {
		if field, ok := reflect.TypeFor[MTASettings]().FieldByName(word); ok {
			return field.Tag.Get("env")
		}
		return word
	})
}
