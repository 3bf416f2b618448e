package domain

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// SuppressionReason says why an address must not be mailed.
type SuppressionReason string

// The reasons, of which a list has no others.
const (
	SuppressedManually      SuppressionReason = "manual"      // someone decided so
	SuppressedByHardBounce  SuppressionReason = "hard_bounce" // it takes no mail
	SuppressedByComplaint   SuppressionReason = "complaint"   // the recipient called a message spam
	SuppressedByUnsubscribe SuppressionReason = "unsubscribe" // the recipient asked for no more
	SuppressedAsInvalid     SuppressionReason = "invalid"     // known to take no mail without having bounced
)

// SuppressionReasons returns all reasons.
func SuppressionReasons() []SuppressionReason {
	return []SuppressionReason{
		SuppressedManually, SuppressedByHardBounce, SuppressedByComplaint, SuppressedByUnsubscribe, SuppressedAsInvalid,
	}
}

// IsKnown says whether r is one of the reasons.
func (r SuppressionReason) IsKnown() bool { return slices.Contains(SuppressionReasons(), r) }

// Suppression is an address that must not be mailed.
type Suppression struct {
	Address string // as SuppressionAddress returns it
	Reason  SuppressionReason
	Note    string    // whatever whoever added it wants to remember, "" for nothing
	EventID EventID   // that gave rise to it, zero for none
	AddedAt time.Time // cut to microseconds
}

// MaxAddress is how many characters an address has at most: 64 of a local part,
// 255 of a domain (RFC 5321, section 4.5.3.1), and the sign between.
const MaxAddress = 64 + 1 + 255

// SuppressionAddress returns the form in which an address stands in a list of
// suppressions: without white space around it, and in lower case as a whole.
//
// A local part may mean different mailboxes in different case (RFC 5321, section
// 2.4), but hardly a provider lets it; and who asked for no more mail as
// Frank@example.org must not get it as frank@example.org. To leave one mailbox
// too many alone is the lesser mistake.
func SuppressionAddress(address string) (string, error) {
	address = strings.TrimSpace(address)
	if err := CheckAddress(address); err != nil {
		return "", err
	}
	return strings.ToLower(address), nil
}

// AddressDomain returns what stands behind the last @ of an address.
func AddressDomain(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}

var (
	errAddressText  = errors.New("not an address: it has characters that none has")
	errAddressParts = errors.New("not an address: want a local part, @ and a domain")
	errAddressLong  = errors.New("not an address: it is too long")
)

// unseen is what lists are full of and addresses are not: what a decoder makes of
// what is not UTF-8, and characters of no width. With one of them an address would
// be another that looks alike, and the one that is meant be mailed.
const unseen = "\ufffd\ufeff\u200b"

// CheckAddress says whether address can be a mailbox: a local part, which may be
// quoted, and a domain, without a name or angle brackets around them. Its errors
// do not repeat it.
func CheckAddress(address string) error {
	if !utf8.ValidString(address) || strings.ContainsFunc(address, unicode.IsControl) || strings.ContainsAny(address, unseen) {
		return errAddressText
	}
	if utf8.RuneCountInString(address) > MaxAddress {
		return errAddressLong
	}
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 {
		return errAddressParts
	}
	local, domain := address[:at], address[at+1:]
	if !isQuoted(local) && strings.ContainsFunc(local, separatesAddresses) || strings.ContainsFunc(domain, separatesAddresses) {
		return errAddressText
	}
	return nil
}

func isQuoted(local string) bool {
	return len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'
}

// separatesAddresses is true for what stands around or between addresses.
func separatesAddresses(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(`<>,;"()@`, r)
}
