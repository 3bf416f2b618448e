package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// keyring tells whether a key is one of those that are let in. It keeps hashes
// and compares all of them, so that neither its memory nor its time tell a key.
type keyring [][sha256.Size]byte

func newKeyring(keys []string) keyring {
	ring := make(keyring, len(keys))
	for i, k := range keys {
		ring[i] = sha256.Sum256([]byte(k))
	}
	return ring
}

func (k keyring) has(key string) bool { return k.find(key) >= 0 }

// find returns the place of a key in the ring, -1 if it is not there.
func (k keyring) find(key string) int {
	sum, found := sha256.Sum256([]byte(key)), -1
	for i := range k {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], k[i][:]), i, found)
	}
	return found
}

// gate lets in who has a bearer key, at the rate that each key has. Without keys
// it lets in this machine's own browsers and programs if it is open, all at one
// rate, and nobody if not.
type gate struct {
	keys    keyring
	open    bool
	buckets []*rate.Limiter // of each key, or of all without keys; none for no limit
}

// newGate allows limit requests a second and twice as many at once; 0 is no
// limit.
func newGate(keys []string, open bool, limit int) *gate {
	g := &gate{keys: newKeyring(keys), open: open}
	if limit > 0 {
		for range max(1, len(keys)) {
			g.buckets = append(g.buckets, rate.NewLimiter(rate.Limit(limit), 2*limit))
		}
	}
	return g
}

// pass lets a request in that its key may make now.
func (g *gate) pass(c *gin.Context) {
	if who := g.admit(c); !c.IsAborted() && g.buckets != nil {
		g.count(c, g.buckets[who])
	}
}

// watch lets a request in at any rate: figures are wanted most where much is
// asked.
func (g *gate) watch(c *gin.Context) { g.admit(c) }

// admit returns the place of a request's key, or answers it.
func (g *gate) admit(c *gin.Context) (who int) {
	switch {
	case len(g.keys) > 0:
		scheme, key, _ := strings.Cut(c.GetHeader("Authorization"), " ")
		// A scheme is written in any case (RFC 9110, section 11.1).
		if who = g.keys.find(strings.TrimSpace(key)); !strings.EqualFold(scheme, "Bearer") || who < 0 {
			c.Header("WWW-Authenticate", `Bearer realm="kumotrail"`)
			fail(c, http.StatusUnauthorized, "Send one of API_KEYS as Authorization: Bearer KEY.")
		}
	case !g.open:
		fail(c, http.StatusForbidden, "The API has no keys and is closed. Set API_KEYS and send one as Authorization: Bearer KEY.")
	case !isLoopback(c.Request.Host) || !isLoopbackOrigin(c.GetHeader("Origin")):
		// A page elsewhere could else read all by a name that it points here.
		fail(c, http.StatusForbidden, "Without API_KEYS the API is open to localhost only. Ask http://localhost, or set API_KEYS.")
	}
	return who
}

// count takes a request from its bucket, which holds what may come at once.
func (g *gate) count(c *gin.Context, bucket *rate.Limiter) {
	now := time.Now()
	request := bucket.ReserveN(now, 1)
	wait := request.DelayFrom(now)
	if wait == 0 {
		return
	}
	request.CancelAt(now)
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	fail(c, http.StatusTooManyRequests, fmt.Sprintf(
		"More than %v requests a second came with this key. Go on after the seconds of Retry-After.", bucket.Limit()))
}

func isLoopbackOrigin(origin string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && isLoopback(u.Host)
}

// isLoopback says whether a Host, with or without port, is this machine's own
// name for itself.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
