package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
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

func (k keyring) has(key string) bool {
	sum := sha256.Sum256([]byte(key))
	found := 0
	for i := range k {
		found |= subtle.ConstantTimeCompare(sum[:], k[i][:])
	}
	return found == 1
}

// guard lets in who has a bearer key. Without keys it lets in this machine's own
// browsers and programs if open is set, and nobody if not.
func guard(keys keyring, open bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		switch {
		case len(keys) > 0:
			key, ok := strings.CutPrefix(c.GetHeader("Authorization"), "Bearer ")
			if !ok || !keys.has(strings.TrimSpace(key)) {
				c.Header("WWW-Authenticate", `Bearer realm="kumotrail"`)
				fail(c, http.StatusUnauthorized, "Send one of API_KEYS as Authorization: Bearer KEY.")
			}
		case !open:
			fail(c, http.StatusForbidden, "The API has no keys and is closed. Set API_KEYS and send one as Authorization: Bearer KEY.")
		case !isLoopback(c.Request.Host) || !isLoopbackOrigin(c.GetHeader("Origin")):
			// A page elsewhere could else read all by a name that it points here.
			fail(c, http.StatusForbidden, "Without API_KEYS the API is open to localhost only. Ask http://localhost, or set API_KEYS.")
		}
	}
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
