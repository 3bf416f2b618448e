package domain_test

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestSuppressionAddressIsOneForAllSpellings(t *testing.T) {
	for given, want := range map[string]string{
		"frank@example.org":           "frank@example.org",
		" Frank@Example.ORG\t":        "frank@example.org",
		"FRÄNK@bücher.example":        "fränk@bücher.example",
		`"a b@c"@example.org`:         `"a b@c"@example.org`,
		"=cmd|' /C calc'!A0@e.org":    "",
		"'=1+1@example.org":           "'=1+1@example.org",
		"a+b=c@[192.0.2.1]":           "a+b=c@[192.0.2.1]",
		"":                            "",
		"frank":                       "",
		"@example.org":                "",
		"frank@":                      "",
		"ren\ufffd@example.org":       "",
		"\ufefffrank@example.org":     "",
		"frank@example.org\u200b":     "",
		"Frank <frank@example.org>":   "",
		"a@example.org,b@example.org": "",
		"a@b@example.org":             "",
		"a b@example.org":             "",
		"a@exam ple.org":              "",
		"a\x00@example.org":           "",
		"a\n@example.org":             "",
		"\"a\nb\"@example.org":        "",
		"a\xff@example.org":           "",
		strings.Repeat("ü", domain.MaxAddress-10) + "@e.example": strings.Repeat("ü", domain.MaxAddress-10) + "@e.example",
		strings.Repeat("ü", domain.MaxAddress-9) + "@e.example":  "",
	} {
		got, err := domain.SuppressionAddress(given)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", given, got, err, want)
		}
		if err != nil && given != "" && strings.Contains(err.Error(), given) {
			t.Errorf("%q: the error repeats it: %v", given, err)
		}
	}
}

// What is taken out of a list must find its place in it again.
func TestSuppressionAddressOfItselfIsItself(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r == unicode.ToLower(r) {
			continue
		}
		if once, err := domain.SuppressionAddress(string(r) + "@example.org"); err == nil {
			if twice, err := domain.SuppressionAddress(once); err != nil || twice != once {
				t.Fatalf("%U: %q, then %q, %v", r, once, twice, err)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.StringMatching(`[\x21-\x7eÀ-žЀ-ӿ]{1,80}@[A-Za-z0-9.À-ž-]{1,40}`).Draw(t, "address")
		once, err := domain.SuppressionAddress(given)
		if err != nil {
			return
		}
		twice, err := domain.SuppressionAddress(once)
		if err != nil || twice != once {
			t.Fatalf("%q, then %q, %v", once, twice, err)
		}
		if upper, err := domain.SuppressionAddress(strings.ToUpper(once)); isASCII(once) && (err != nil || upper != once) {
			t.Fatalf("%q in upper case is %q, %v", once, upper, err)
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

func TestAddressDomainIsBehindTheLastAt(t *testing.T) {
	for address, want := range map[string]string{"a@b.example": "b.example", `"a@b"@c.example`: "c.example"} {
		if got := domain.AddressDomain(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestSuppressionReasonsAreAClosedSet(t *testing.T) {
	for reason, want := range map[domain.SuppressionReason]bool{
		"manual": true, "hard_bounce": true, "complaint": true, "unsubscribe": true, "invalid": true,
		"": false, "Manual": false, "other": false,
	} {
		if got := reason.IsKnown(); got != want {
			t.Errorf("%q is known: %t, want %t", reason, got, want)
		}
	}
}
