package domain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ReturnPaths signs and verifies variable envelope return paths (VERP),
//
//	b-<32 hex digits of the message id>-<16 of an HMAC>@<bounce domain>
//
// so that who sends a report to one proves to have had the message. The HMAC is
// HMAC-SHA256 by the key over those 32 digits, cut to its first half of a half:
// 64 bits. The zero value has no key and verifies nothing.
type ReturnPaths struct{ key []byte }

// NewReturnPaths needs a key, which is as secret as a password.
func NewReturnPaths(key string) *ReturnPaths { return &ReturnPaths{[]byte(key)} }

const (
	returnPathPrefix = "b-"
	idDigits         = 32
	macDigits        = 16
	localLength      = len(returnPathPrefix) + idDigits + 1 + macDigits
)

// Sign returns the return path of a message whose id is a UUID.
func (p *ReturnPaths) Sign(messageID, bounceDomain string) string {
	id := NormalizeMessageID(messageID)
	return returnPathPrefix + id + "-" + p.mac(id) + "@" + bounceDomain
}

// Verify returns the message id of a return path that was signed by this key,
// at whatever domain. Case does not matter: some remote sides change it.
func (p *ReturnPaths) Verify(address string) (messageID string, ok bool) {
	if p == nil || len(p.key) == 0 {
		return "", false
	}
	address = strings.Trim(address, "<> ")
	if len(address) <= localLength || address[localLength] != '@' {
		return "", false
	}
	local := strings.ToLower(address[:localLength])
	if len(local) != localLength { // letters whose lower case is shorter, as of the sign for kelvin
		return "", false
	}
	id := local[len(returnPathPrefix):][:idDigits]
	if !strings.HasPrefix(local, returnPathPrefix) || local[localLength-macDigits-1] != '-' || !isHex(id) {
		return "", false
	}
	if !hmac.Equal([]byte(p.mac(id)), []byte(local[localLength-macDigits:])) {
		return "", false
	}
	return id, true
}

func (p *ReturnPaths) mac(id string) string {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(id))
	return hex.EncodeToString(h.Sum(nil))[:macDigits]
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
