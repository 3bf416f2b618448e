package rulebook_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/domain"
)

func TestEveryRuleHasATestAndASource(t *testing.T) {
	for _, r := range rules(t) {
		if len(r.Tests) == 0 {
			t.Errorf("rule %s has no tests", r.Name)
		}
		if strings.TrimSpace(r.Source) == "" {
			t.Errorf("rule %s has no source", r.Name)
		}
	}
}

func TestEveryTestIsDecidedByItsRule(t *testing.T) {
	c, all := classifier(t), rules(t)
	for _, r := range all {
		for _, test := range r.Tests {
			a := answerOf(&r, test)
			if v := c.Classify(&a); v.Rule != r.Name {
				t.Errorf("rule %s (%s/%s)\n  test   %s\n  won by %s", r.Name, r.Cause, r.Subcause, test, described(all, v, test))
			}
		}
	}
}

func TestRulesAreManyOfManyOwners(t *testing.T) {
	all, owners := rules(t), map[string]bool{}
	for _, r := range all {
		if r.Of != "" {
			owners[r.Of] = true
		}
	}
	if len(all) < 150 || len(owners) < 25 {
		t.Errorf("%d rules of %d owners, want at least 150 of 25", len(all), len(owners))
	}
}

// answerOf reads a test line; its event and KumoMTA's class are those that the
// rule asks for.
func answerOf(r *domain.Rule, test string) domain.Answer {
	a := domain.ParseAnswer(test)
	if len(r.Types) > 0 {
		a.Type = r.Types[0]
	}
	if len(r.Hints) > 0 {
		a.Hint = r.Hints[0]
	}
	return a
}

// described names the winner and what of the response made it one.
func described(all []domain.Rule, v domain.Verdict, test string) string {
	i := slices.IndexFunc(all, func(r domain.Rule) bool { return r.Name == v.Rule })
	if i < 0 {
		return fmt.Sprintf("%q, which is in no file (%s/%s)", v.Rule, v.Cause, v.Subcause)
	}
	r := &all[i]
	text := strings.ToLower(strings.Join(strings.Fields(test), " "))
	absent := func(piece string) bool { return !strings.Contains(text, piece) }
	return fmt.Sprintf("%s (%s/%s) of %q by text %q any %q codes %q enhanced %q hints %q weight %d",
		r.Name, r.Cause, r.Subcause, r.Of, r.Text, slices.DeleteFunc(slices.Clone(r.Any), absent),
		r.Codes, r.Enhanced, r.Hints, r.Weight)
}

func rules(t testing.TB) []domain.Rule {
	t.Helper()
	all, err := rulebook.Rules()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func classifier(t testing.TB) *domain.Classifier {
	t.Helper()
	c, err := rulebook.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
