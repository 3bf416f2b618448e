package domain_test

import (
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// verdictPairs are all causes with their subcauses.
var verdictPairs = map[domain.Cause][]domain.Subcause{
	domain.CauseRecipient: {"", domain.SubcauseUnknown, domain.SubcauseDisabled, domain.SubcauseFull},
	domain.CauseDomain:    {"", domain.SubcauseBad, domain.SubcauseNoMX},
	domain.CauseSender: {
		"", domain.SubcauseAuthentication, domain.SubcauseReputation, domain.SubcauseBlocklist, domain.SubcauseRate,
	},
	domain.CauseContent: {
		"", domain.SubcauseSpam, domain.SubcauseVirus, domain.SubcausePolicy, domain.SubcauseSize,
	},
	domain.CauseInfrastructure: {
		"", domain.SubcauseTimeout, domain.SubcauseRefused, domain.SubcauseTLS,
		domain.SubcauseGreylisting, domain.SubcauseBusy,
	},
	domain.CauseAdministrative: {""},
	domain.CauseExpired:        {""},
	domain.CauseComplaint:      {""},
	domain.CauseUnknown:        {""},
}

func TestEachCauseAndSubcauseHasAdviceOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for cause, subcauses := range verdictPairs {
		for _, sub := range subcauses {
			pair := string(cause) + "/" + string(sub)
			if !cause.Has(sub) {
				t.Errorf("%s is no pair", pair)
			}
			advice := domain.UsualAdvice(cause, sub)
			if other, taken := seen[advice]; taken {
				t.Errorf("%s has the advice of %s: %q", pair, other, advice)
			}
			seen[advice] = pair
			if sentences := strings.Count(advice, ". ") + 1; !strings.HasSuffix(advice, ".") || sentences > 2 {
				t.Errorf("%s: want one or two sentences, have %q", pair, advice)
			}
		}
	}
}

func TestAdviceFallsBackToTheCause(t *testing.T) {
	tests := []struct {
		cause domain.Cause
		sub   domain.Subcause
		like  domain.Cause
	}{
		{domain.CauseExpired, domain.SubcauseFull, domain.CauseExpired},
		{domain.CauseRecipient, domain.SubcauseVirus, domain.CauseRecipient},
		{"weather", "", domain.CauseUnknown},
	}
	for _, tt := range tests {
		if got, want := domain.UsualAdvice(tt.cause, tt.sub), domain.UsualAdvice(tt.like, ""); got != want {
			t.Errorf("advice for %s/%s: %q, want %q", tt.cause, tt.sub, got, want)
		}
	}
}
