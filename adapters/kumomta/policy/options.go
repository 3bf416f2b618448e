package policy

// Options are what differs between installations. Zero values are documented
// with each field; the zero Options lack WebhookURL alone. Files are named by
// absolute paths on the MTA's machine, and are not read here.
type Options struct {
	Version string // release of KumoMTA as in 2026.06.23; "" is Newest

	// WebhookURL is this service as the MTA reaches it. Without a path it is that of
	// the service, and the webhook's path is added.
	WebhookURL string
	KeyFile    string   // has the webhook's key; "" is DefaultKeyFile
	SkipEvents []string // types of records that are not sent, as in "Delayed"

	Hostname       string // the MTA's; "" is the machine's
	TLSCertificate string // file for STARTTLS; "" is one made at start
	TLSPrivateKey  string // file
	// TrustedHosts are addresses and networks that may send without a password and
	// use the MTA's HTTP API. None is DefaultTrustedHosts.
	TrustedHosts  []string
	SMTPUsersFile string // TOML: user = "SHA-256 of the password"; "" for no users

	// BounceDomains take bounces. Return paths are in the first; without one,
	// senders stay as they are.
	BounceDomains []string
	FBLDomains    []string // take complaints
	VERPKeyFile   string   // has VERP_KEY; "" is DefaultVERPKeyFile

	SpoolFlush bool // each write to the spool waits for the disk

	// Sink is the host and port of an SMTP server that gets all mail in place of its
	// recipients; "" for none.
	Sink string

	// EgressAddresses are what mail is sent from, in one pool: addresses of the MTA's
	// machine, or of the one with the proxy at HAProxy or SOCKS5 (host and port).
	// None is whatever the system chooses.
	EgressAddresses []string
	HAProxy         string
	SOCKS5          string

	// SmartHost is the host and port that all mail is relayed through; "" for none.
	SmartHost             string
	SmartHostUser         string // "" for no authentication
	SmartHostPasswordFile string // has the password alone, without a line's end

	// HTTPDeliveryDomain is a domain whose mail is posted to HTTPDeliveryURL; "" for
	// none.
	HTTPDeliveryDomain  string
	HTTPDeliveryURL     string
	HTTPDeliveryKeyFile string // has a bearer token; "" for none

	// RedisFile has what KumoMTA's redis.open takes, in TOML, for throttles that the
	// nodes of a cluster share; "" for none.
	RedisFile string

	// AMQPFile has the connection of kumo.amqp.basic_publish, in TOML, for events
	// that RabbitMQ gets too; "" for none.
	AMQPFile       string
	AMQPExchange   string // "" is the default one, which knows queues by name
	AMQPRoutingKey string // "" is DefaultRoutingKey
}

// Defaults of Options.
const (
	DefaultKeyFile     = "/opt/kumomta/etc/kumotrail/webhook.key"
	DefaultVERPKeyFile = "/opt/kumomta/etc/kumotrail/verp.key"
	DefaultRoutingKey  = "kumomta.event"
)

// DefaultTrustedHosts returns the MTA's own machine.
func DefaultTrustedHosts() []string { return []string{"127.0.0.1", "::1"} }

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		value    *string
		otherway string
	}{
		{&o.Version, Newest},
		{&o.KeyFile, DefaultKeyFile},
		{&o.VERPKeyFile, DefaultVERPKeyFile},
		{&o.AMQPRoutingKey, DefaultRoutingKey},
	} {
		if *d.value == "" {
			*d.value = d.otherway
		}
	}
	if len(o.TrustedHosts) == 0 {
		o.TrustedHosts = DefaultTrustedHosts()
	}
	return o
}

// Warnings are sentences about what works, but not as one would wish.
func (o Options) Warnings() []string {
	o = o.withDefaults()
	var warnings []string
	if has(o.Version, "2026.04.09") && !has(o.Version, "2026.05.12") {
		warnings = append(warnings, "KumoMTA 2026.04.09 sends no events of messages with a null sender, nor most rejections, to any hook: "+
			"go to 2026.05.12, or have kumotrail audit --fix fetch them from its log")
	}
	if o.Sink != "" {
		warnings = append(warnings, "all mail goes to "+o.Sink+", none to its recipients")
	}
	if o.SMTPUsersFile != "" && !has(o.Version, "2025.01.23") {
		warnings = append(warnings, "KumoMTA before 2025.01.23 takes a client's address for authenticated for a minute after somebody authenticated there, "+
			"and refuses others of the same sender domain: do without users on it")
	}
	if o.HTTPDeliveryDomain != "" && o.HTTPDeliveryKeyFile == "" {
		warnings = append(warnings, "mail for "+o.HTTPDeliveryDomain+" is posted without a token")
	}
	return warnings
}

// Secret is a file that the MTA needs and that the policy set does not have.
type Secret struct{ File, Holds string }

// Secrets are what the user kumod must be able to read before the MTA starts.
func (o Options) Secrets() []Secret {
	o = o.withDefaults()
	secrets := []Secret{{o.KeyFile, "one of X_KUMOMTA_KEY"}}
	if len(o.BounceDomains) > 0 {
		secrets = append(secrets, Secret{o.VERPKeyFile, "VERP_KEY"})
	}
	for _, s := range []Secret{
		{o.TLSPrivateKey, "the private key of " + o.TLSCertificate},
		{o.SMTPUsersFile, "TOML, user = \"SHA-256 of the password\""},
		{o.SmartHostPasswordFile, "the password of " + o.SmartHostUser + ", without a line's end"},
		{o.HTTPDeliveryKeyFile, "a bearer token"},
		{o.RedisFile, "TOML, what redis.open takes"},
		{o.AMQPFile, "TOML, the connection of kumo.amqp.basic_publish"},
	} {
		if s.File != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets
}
