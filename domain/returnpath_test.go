package domain_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// The MACs were computed apart from this package:
// openssl dgst -sha256 -hmac test-verp-key.
const (
	verpKey     = "test-verp-key"
	aReturnPath = "b-10d1b680884d11f19001782d7e12e173-1dc84c3fded37c49@bounces.example.com"
)

var (
	keys  = rapid.StringN(1, 40, 64)
	uuids = rapid.StringMatching(`[0-9a-f]{32}`)
)

func TestReturnPathsNeverChange(t *testing.T) {
	// Reports come weeks after their message, to paths that were signed then.
	for id, want := range map[string]string{
		"10d1b680884d11f19001782d7e12e173":     aReturnPath,
		"10D1B680-884D-11F1-9001-782D7E12E173": aReturnPath,
		"019f9a2f08000000800000000000002a":     "b-019f9a2f08000000800000000000002a-1c8c5650562d01d4@bounces.example.com",
	} {
		same(t, domain.NewReturnPaths(verpKey).Sign(id, "bounces.example.com"), want)
	}
}

func TestReturnPathHasTheFormOfTheContract(t *testing.T) {
	form := regexp.MustCompile(`^b-[0-9a-f]{32}-[0-9a-f]{16}@bounces\.example\.com$`)
	rapid.Check(t, func(t *rapid.T) {
		path := domain.NewReturnPaths(rapid.String().Draw(t, "key")).Sign(uuids.Draw(t, "id"), "bounces.example.com")
		if local, _, _ := strings.Cut(path, "@"); !form.MatchString(path) || len(local) > 64 { // RFC 5321, section 4.5.3.1.1
			t.Fatalf("got %q", path)
		}
	})
}

func TestVerifyReturnsTheMessageOfASignedPath(t *testing.T) {
	cases := []struct{ name, address string }{
		{"as signed", aReturnPath},
		{"in brackets", "<" + aReturnPath + ">"},
		{"with blanks", "  <" + aReturnPath + "> "},
		{"in upper case", strings.ToUpper(aReturnPath)},
		{"at another domain", strings.Replace(aReturnPath, "bounces.example.com", "mx.example.org", 1)},
		{"at no domain", "b-10d1b680884d11f19001782d7e12e173-1dc84c3fded37c49@"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if id, ok := domain.NewReturnPaths(verpKey).Verify(c.address); !ok || id != aMessage {
				t.Errorf("got %q (%v)", id, ok)
			}
		})
	}
}

func TestVerifyRefusesWhatWasNotSigned(t *testing.T) {
	cases := []struct{ name, address string }{
		{"nothing", ""},
		{"an empty path", "<>"},
		{"another address", aRecipient},
		{"another id", strings.Replace(aReturnPath, "173-", "174-", 1)},
		{"another MAC", strings.Replace(aReturnPath, "c49@", "c48@", 1)},
		{"no MAC", "b-10d1b680884d11f19001782d7e12e173-0000000000000000@bounces.example.com"},
		{"half a MAC", "b-10d1b680884d11f19001782d7e12e173-1dc84c3f@bounces.example.com"},
		{"more MAC", strings.Replace(aReturnPath, "@", "96@", 1)},
		{"another prefix", "c" + aReturnPath[1:]},
		{"something before it", "x" + aReturnPath},
		{"something behind it", strings.Replace(aReturnPath, "@", "+x@", 1)},
		{"no domain", strings.TrimSuffix(aReturnPath, "@bounces.example.com")},
		{"an id with dashes", "b-10d1b680-884d-11f1-9001-782d7e12e173-1dc84c3fded37c49@bounces.example.com"},
		{"two addresses", aRecipient + "," + aReturnPath},
		{"another sign between id and MAC", strings.Replace(aReturnPath, "173-", "173_", 1)},
		{"letters that get shorter in lower case", strings.Repeat("\u212a", 17) + "@bounces.example.com"},
		{"letters that get longer in lower case", strings.Repeat("\u0130", 25) + "a@bounces.example.com"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if id, ok := domain.NewReturnPaths(verpKey).Verify(c.address); ok || id != "" {
				t.Errorf("got %q (%v)", id, ok)
			}
		})
	}
}

func TestEverySignedPathVerifiesInAnyCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths, id := domain.NewReturnPaths(keys.Draw(t, "key")), uuids.Draw(t, "id")
		path := []rune(paths.Sign(strings.ToUpper(id), rapid.StringMatching(`[a-z.]{0,9}`).Draw(t, "domain")))
		for i, r := range path {
			if rapid.Bool().Draw(t, "upper") {
				path[i] = []rune(strings.ToUpper(string(r)))[0]
			}
		}
		if got, ok := paths.Verify(string(path)); !ok || got != id {
			t.Fatalf("%q: got %q (%v)", string(path), got, ok)
		}
	})
}

func TestNoAlteredPathVerifies(t *testing.T) {
	local, _, _ := strings.Cut(aReturnPath, "@")
	others := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f@_+ <>-]`),
		rapid.StringN(0, 3, -1),
		rapid.SampledFrom([]string{"\u212a", "\u0130", "０", "а"}), // look or fold like others
	)
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(local)-1).Draw(t, "at")
		altered := local[:at] + others.Draw(t, "instead") + local[at+1:]
		// Blanks and brackets around an address do not belong to it.
		unaltered := strings.TrimLeft(strings.ToLower(altered), "<> ") == local
		if id, ok := domain.NewReturnPaths(verpKey).Verify(altered + "@bounces.example.com"); ok != unaltered {
			t.Fatalf("%q: got %q (%v)", altered, id, ok)
		}
	})
}

func TestNoOtherTextVerifies(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("b-0fF@<> \u212a\u0130ä")), 30, 90, -1))
	rapid.Check(t, func(t *rapid.T) {
		if id, ok := domain.NewReturnPaths(verpKey).Verify(texts.Draw(t, "address")); ok {
			t.Fatalf("is of %q", id)
		}
	})
}

func TestPathOfOneKeyDoesNotVerifyByAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, other := keys.Draw(t, "key"), keys.Draw(t, "other")
		path := domain.NewReturnPaths(key).Sign(uuids.Draw(t, "id"), "bounces.example.com")
		// HMAC fills keys up with zero bytes.
		equal := strings.TrimRight(key, "\x00") == strings.TrimRight(other, "\x00")
		if _, ok := domain.NewReturnPaths(other).Verify(path); ok != equal {
			t.Fatalf("verified: %v", ok)
		}
	})
}

func TestWithoutAKeyNothingVerifies(t *testing.T) {
	var none *domain.ReturnPaths
	empty := domain.NewReturnPaths("")
	for name, paths := range map[string]*domain.ReturnPaths{"none": none, "zero": {}, "an empty key": empty} {
		for _, path := range []string{aReturnPath, empty.Sign(aMessage, "bounces.example.com")} {
			if id, ok := paths.Verify(path); ok {
				t.Errorf("%s: %q is of %q", name, path, id)
			}
		}
	}
}
