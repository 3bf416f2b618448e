package kumod

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Request is an HTTP request that the policy sends. Names of headers are in
// lower case.
type Request struct {
	Method, URL string
	Headers     map[string]string
	Body        string
	Client      map[string]any // options of the client
}

// Response is what comes back. Error fails the request as a refused connection
// or a timeout does, TextError the reading of the body; Odd makes the body
// something else than a string: "nil", "number" or "table".
type Response struct {
	Status    int               `json:"status,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Text      string            `json:"text,omitempty"`
	TextError string            `json:"text_error,omitempty"`
	Odd       string            `json:"odd,omitempty"`
	Error     string            `json:"error,omitempty"`
}

type refusal struct {
	Error string `json:"error"`
}

// Refused is the response of a host where nobody listens.
var Refused = Response{Error: "error sending request for url: connection refused"}

// answer does for the Lua side what it cannot do itself.
func (n *Node) answer(q question) any {
	switch q.Ask {
	case "http":
		if n.config.HTTP == nil {
			return Refused
		}
		return n.config.HTTP(Request{q.Method, q.URL, q.Headers, q.Body, q.Client})
	case "toml":
		return parseTOML(q)
	case "digest":
		return digest(q)
	case "encode":
		return encode(q)
	case "decode":
		return decode(q)
	case "cidr":
		return network(q)
	case "amqp":
		if n.config.AMQP != nil {
			if err := n.config.AMQP(q.Given); err != nil {
				return refusal{err.Error()}
			}
		}
		return struct{}{}
	}
	return refusal{"nobody answers " + q.Ask}
}

func parseTOML(q question) any {
	text := []byte(q.Text)
	if q.Path != "" {
		var err error
		if text, err = readFile(q.Path); err != nil {
			return refusal{err.Error()}
		}
	}
	value := map[string]any{}
	if err := toml.Unmarshal(text, &value); err != nil {
		return refusal{fmt.Sprintf("toml %s: %v", q.Path, err)}
	}
	return map[string]any{"value": value}
}

// readFile reads a file of the policy's, or one that KumoMTA brings along.
func readFile(name string) ([]byte, error) {
	if shipped, ok := strings.CutPrefix(name, shareFolder); ok {
		return files.ReadFile("share" + shipped)
	}
	return os.ReadFile(name)
}

// network returns the smallest network that an address is in, "" for none.
func network(q question) any {
	address, err := netip.ParseAddr(strings.Trim(q.Text, "[]"))
	if withPort, notPort := netip.ParseAddrPort(q.Text); notPort == nil {
		address, err = withPort.Addr(), nil
	}
	found, bits := "", -1
	for _, name := range q.Networks {
		prefix, errPrefix := netip.ParsePrefix(name)
		if errPrefix != nil {
			single, errSingle := netip.ParseAddr(name)
			if errSingle != nil {
				return refusal{"cidr: " + errPrefix.Error()}
			}
			prefix = netip.PrefixFrom(single, single.BitLen())
		}
		if err == nil && prefix.Contains(address) && prefix.Bits() > bits {
			found, bits = name, prefix.Bits()
		}
	}
	return map[string]string{"network": found}
}

func digest(q question) any {
	key, errKey := hex.DecodeString(q.Key)
	text, errText := hex.DecodeString(q.Hex)
	if errKey != nil || errText != nil {
		return refusal{"digest: no hexadecimal digits"}
	}
	h := sha256.New()
	if q.Digest == "hmac_sha256" {
		h = hmac.New(sha256.New, key)
	}
	h.Write(text)
	return map[string]string{"hex": hex.EncodeToString(h.Sum(nil))}
}

// encoding is one of the standard library's.
type encoding interface {
	EncodeToString([]byte) string
	DecodeString(string) ([]byte, error)
}

type hexadecimal struct{}

func (hexadecimal) EncodeToString(b []byte) string        { return hex.EncodeToString(b) }
func (hexadecimal) DecodeString(s string) ([]byte, error) { return hex.DecodeString(s) }

var encodings = map[string]encoding{
	"base32":          base32.StdEncoding,
	"base32_nopad":    base32.StdEncoding.WithPadding(base32.NoPadding),
	"base64":          base64.StdEncoding,
	"base64_nopad":    base64.RawStdEncoding,
	"base64url":       base64.URLEncoding,
	"base64url_nopad": base64.RawURLEncoding,
	"hex":             hexadecimal{},
}

func encode(q question) any {
	bytes, err := hex.DecodeString(q.Hex)
	if err != nil {
		return refusal{err.Error()}
	}
	return map[string]string{"text": encodings[q.Encoding].EncodeToString(bytes)}
}

func decode(q question) any {
	bytes, err := encodings[q.Encoding].DecodeString(q.Text)
	if err != nil {
		return refusal{err.Error()}
	}
	return map[string]string{"hex": hex.EncodeToString(bytes)}
}
