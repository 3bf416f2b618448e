package apiclient

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are what a client may be told. The zero value asks a service of this
// machine that has no keys.
type Options struct {
	// APIKey is one of the service's API_KEYS, WebhookKey one of X_KUMOMTA_KEY,
	// which Post alone needs.
	APIKey, WebhookKey string
	// HTTPClient makes the requests, http.DefaultClient if it is nil. Its Timeout
	// cuts off exports and streams too: bound other calls by their contexts.
	// Redirects are not followed, for they would take keys elsewhere.
	HTTPClient *http.Client
	Retry      Retry
}

// Retry bounds how often a request is sent again that was refused for a while,
// by status 429 or 503; its zero fields take the defaults.
type Retry struct {
	// Attempts is how often it is sent in all, 4; 1 is never again.
	Attempts int
	// MaxWait is how long to wait before the next attempt at most, 30 s. Where the
	// service asks for more the call fails at once with its problem.
	MaxWait time.Duration
}

// Client asks one service. It is safe for concurrent use.
type Client struct {
	base               string // without a slash at its end
	apiKey, webhookKey string
	http               *http.Client
	attempts           int
	maxWait            time.Duration
}

// New returns a client of the service at baseURL, "http://localhost:8021", with
// the path that a proxy has put before the service's own, if there is one.
func New(baseURL string, options Options) (*Client, error) {
	base, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, errors.New("new client: the base URL cannot be read") // it may have a password
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, errors.New("new client: the base URL must begin with http:// or https:// and a host")
	case base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("new client: the base URL must have no query and no fragment")
	case options.Retry.Attempts < 0 || options.Retry.MaxWait < 0:
		return nil, errors.New("new client: Retry must not be negative")
	}
	plain := *cmp.Or(options.HTTPClient, http.DefaultClient)
	plain.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		base: strings.TrimRight(base.String(), "/"), apiKey: options.APIKey, webhookKey: options.WebhookKey, http: &plain,
		attempts: cmp.Or(options.Retry.Attempts, 4), maxWait: cmp.Or(options.Retry.MaxWait, 30*time.Second),
	}, nil
}
