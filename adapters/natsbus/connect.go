package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// dialTimeout bounds one try of one server.
const dialTimeout = 2 * time.Second

// ConnConfig says which server to connect to.
type ConnConfig struct {
	// Server is the embedded one; with nil it is URL's.
	Server *Server
	// URL names an external server, or several of a cluster with commas
	// between; tls:// asks for TLS.
	URL string
	// CredsFile has the user's JWT and seed, "" for none.
	CredsFile string
	// CAFile has the authorities to trust in place of the system's, and asks
	// for TLS, "" for none.
	CAFile string
	// Log takes changes of the connection.
	Log *slog.Logger
}

// Validate names every fault, and nothing of a URL, for it may hold a secret.
func (c *ConnConfig) Validate() error {
	var faults []error
	if c.Log == nil {
		faults = append(faults, errors.New("NATS connection: no logger"))
	}
	if (c.Server == nil) == (c.URL == "") {
		faults = append(faults, errors.New("NATS connection: want either an embedded server or a URL"))
	}
	urls := strings.Split(c.URL, ",")
	for i, u := range urls {
		if u = strings.TrimSpace(u); !strings.Contains(u, "://") {
			u = "nats://" + u
		}
		if parsed, err := url.Parse(u); c.Server == nil && (err != nil || parsed.Hostname() == "" || !schemes[parsed.Scheme]) {
			faults = append(faults, fmt.Errorf("NATS URL %d of %d is malformed: want nats://host:port or tls://host:port, "+
				"special characters in a password as %%XX", i+1, len(urls)))
		}
	}
	return errors.Join(faults...)
}

// schemes are those of the client's: it takes any other for nats.
var schemes = map[string]bool{"nats": true, "tls": true, "ws": true, "wss": true}

// Conn is a connection that is restored when it breaks, for as long as it takes.
type Conn struct {
	nc     *nats.Conn
	log    *slog.Logger
	server *Server       // the embedded one, nil for another
	closed chan struct{} // closed when the connection is

	connected chan struct{} // closed when it was first connected
	connect   sync.Once

	// session ends with the connection that is there now; end ends it.
	mu      sync.Mutex
	session context.Context //nolint:containedctx // as long as the connection, not a call
	end     context.CancelCauseFunc

	// up mirrors the state, because the client holds its lock, which its own
	// state is behind, for as long as it dials.
	up atomic.Bool
	// failing is set from the first failed try to the next success, so that an
	// outage is one warning.
	failing atomic.Bool
}

// Connect connects and waits for that until ctx ends; then it returns as well
// and goes on trying behind the scenes. An error is about cfg: a malformed URL,
// a file that cannot be read.
func Connect(ctx context.Context, cfg ConnConfig) (*Conn, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Conn{log: cfg.Log, server: cfg.Server, closed: make(chan struct{}), connected: make(chan struct{})}
	c.session, c.end = context.WithCancelCause(context.Background())
	options := append(c.options(), cfg.target()...)
	nc, err := nats.Connect(cfg.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	c.nc = nc
	select {
	case <-c.connected:
	case <-ctx.Done():
	}
	return c, nil
}

// target returns the options that say where to connect and as whom.
func (c *ConnConfig) target() []nats.Option {
	if c.Server != nil {
		return []nats.Option{nats.InProcessServer(c.Server), nats.Token(c.Server.token)}
	}
	options := []nats.Option{
		nats.SetCustomDialer(newBackgroundDialer(c.URL)),
		nats.SkipHostLookup(), // done by the dialer, within its time
	}
	if c.CredsFile != "" {
		options = append(options, nats.UserCredentials(c.CredsFile))
	}
	if c.CAFile != "" {
		options = append(options, nats.RootCAs(c.CAFile))
	}
	return options
}

func (c *Conn) options() []nats.Option {
	return []nats.Option{
		nats.Name("kumotrail"),
		nats.Timeout(dialTimeout),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a rotated key may be put right
		nats.CustomReconnectDelay(reconnectDelay),
		// Nothing is held back for a lost connection: the outbox does that, and
		// whoever publishes is to know at once.
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(func(nc *nats.Conn) { c.onUp(nc, "connected to NATS") }),
		nats.ReconnectHandler(func(nc *nats.Conn) { c.onUp(nc, "connected to NATS again") }),
		nats.DisconnectErrHandler(c.onDown),
		nats.ReconnectErrHandler(c.onFailedTry),
		nats.ErrorHandler(c.onError),
		nats.ClosedHandler(func(*nats.Conn) { c.up.Store(false); close(c.closed) }),
	}
}

func (c *Conn) onUp(nc *nats.Conn, what string) {
	c.newSession()
	c.up.Store(true)
	c.failing.Store(false)
	c.connect.Do(func() { close(c.connected) })
	// Not the URL: a token in it is not redacted.
	c.log.Info(what, "server", nc.ConnectedServerName(), "address", nc.ConnectedAddr())
}

// newSession ends the one before.
func (c *Conn) newSession() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(nats.ErrDisconnected)
	c.session, c.end = context.WithCancelCause(context.Background())
}

func (c *Conn) endSession() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(nats.ErrDisconnected)
}

// whileConnected returns a context that ends with ctx, and when the connection
// is lost: answers to what was sent over it do not come any more.
func (c *Conn) whileConnected(ctx context.Context) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	session := c.session
	c.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(session, func() { cancel(context.Cause(session)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

func (c *Conn) onDown(nc *nats.Conn, err error) {
	c.up.Store(false)
	c.endSession()
	if nc.IsClosed() || nc.IsDraining() {
		return // by our own will
	}
	c.failing.Store(true)
	c.log.Warn("connection to NATS lost, trying again", "reason", err)
}

func (c *Conn) onFailedTry(_ *nats.Conn, err error) {
	if errors.Is(err, errInBackground) || c.failing.Swap(true) {
		return
	}
	c.log.Warn("NATS cannot be reached, trying again", "reason", err)
}

func (c *Conn) onError(_ *nats.Conn, _ *nats.Subscription, err error) {
	c.log.Warn("NATS reports an error", "reason", err)
}

// Close sends what is on its way and closes the connection; when ctx ends it
// closes at once and says so.
func (c *Conn) Close(ctx context.Context) error {
	if err := c.nc.Drain(); err != nil {
		c.nc.Close() // not connected: nothing is on its way
	}
	select {
	case <-c.closed:
		return nil
	case <-ctx.Done():
		c.nc.Close()
		<-c.closed
		return fmt.Errorf("drain NATS connection: %w", ctx.Err())
	}
}

// reconnectDelay is the wait after all servers were tried for the nth time, with
// jitter so that the instances of a service do not come back all at once.
func reconnectDelay(n int) time.Duration {
	const least, greatest = 25 * time.Millisecond, 5 * time.Second
	wait := min(least<<min(n-1, 10), greatest)
	return wait + rand.N(wait/4)
}

// errInBackground ends the first try of a server.
var errInBackground = errors.New("connecting in the background")

// backgroundDialer refuses the first dial of each server. The client makes
// those before Connect returns, one after the other, and one that does not
// answer holds them up for its whole timeout; its further tries are made in the
// background.
type backgroundDialer struct {
	refuse atomic.Int32
	dialer net.Dialer
}

func newBackgroundDialer(urls string) *backgroundDialer {
	d := &backgroundDialer{dialer: net.Dialer{Timeout: dialTimeout}}
	d.refuse.Store(int32(1 + strings.Count(urls, ",")))
	return d
}

// Dial implements nats.CustomDialer.
func (d *backgroundDialer) Dial(network, address string) (net.Conn, error) {
	if d.refuse.Add(-1) >= 0 {
		return nil, errInBackground
	}
	return d.dialer.Dial(network, address)
}
