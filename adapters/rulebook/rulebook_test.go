package rulebook

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
)

const wholeRule = `[[rule]]
name = "google-full"
of = "google"
types = ["bounce", "transient_failure"]
codes = ["452", "5xx"]
enhanced = ["*.2.2"]
text = ["inbox"]
any = ["full", "out of storage"]
not = ["not full"]
hints = ["QuotaIssues"]
weight = -3
cause = "recipient"
subcause = "full"
permanence = "temporary"
fault = "recipient"
advice = "Wait."
tests = ["452 4.2.2 Inbox full"]
source = "https://example.com/"
`

func TestRuleFileIsReadWhole(t *testing.T) {
	got, err := rulesOf(fstest.MapFS{
		"rules/b.toml": {Data: []byte(wholeRule)},
		"rules/a.toml": {Data: []byte("[[rule]]\nname = \"first\"\n")},
		"other.txt":    {Data: []byte("no rules")},
	})
	want := []domain.Rule{{Name: "first"}, {
		Name: "google-full", Of: "google",
		Types: []domain.EventType{domain.Bounce, domain.TransientFailure},
		Codes: []string{"452", "5xx"}, Enhanced: []string{"*.2.2"},
		Text: []string{"inbox"}, Any: []string{"full", "out of storage"}, Not: []string{"not full"},
		Hints: []string{"QuotaIssues"}, Weight: -3,
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseFull, Permanence: domain.Temporary,
		Fault: domain.FaultRecipient, Advice: "Wait.",
		Tests: []string{"452 4.2.2 Inbox full"}, Source: "https://example.com/",
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, rules (-want +got)\n%s", err, diff)
	}
}

func TestFaultsOfRuleFilesAreNamedWithTheirPlace(t *testing.T) {
	_, err := rulesOf(fstest.MapFS{
		"rules/broken.toml":  {Data: []byte("[[rule]]\nname = \"x\n")},
		"rules/key.toml":     {Data: []byte("[[rule]]\nname = \"x\"\nmeaning = \"y\"\n")},
		"rules/kind.toml":    {Data: []byte("[[rule]]\nname = \"x\"\ncodes = \"550\"\n")},
		"rules/types.toml":   {Data: []byte("[[rule]]\nname = \"x\"\ntypes = [\"Bounce\"]\n")},
		"rules/correct.toml": {Data: []byte(wholeRule)},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"rules/broken.toml: ", "rules/key.toml: ", "meaning", "rules/kind.toml: ", `rules/types.toml: rule "x": type "Bounce" is unknown`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "correct.toml") {
		t.Errorf("error blames a correct file:\n%v", err)
	}
}
