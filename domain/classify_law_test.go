package domain_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// Pieces that begin each other, end in each other and touch words.
var pieces = rapid.SampledFrom([]string{
	"a", "ab", "abc", "b", "bc", "b a", "1a", "a1", "a-b", "(a", "ab)", "user", "user unknown", "unknown", "unknown user",
	"no such user", "such", "@", "<@>", "@ a", "ä", "aä", "存在", "mx.example.com", "#5", "5.",
})

var textParts = rapid.OneOf(
	pieces,
	rapid.SampledFrom([]string{
		" ", " ", " ", "\r\n", "\x00", ".", ":", "-", "(", "550-", "550", "5.1.1", "(#5.7.1)", "4.2.2", "A", "USER", "x",
		"ann@example.com", "<bob@example.org>", "@.", "é",
	}),
)

var answers = rapid.Custom(func(t *rapid.T) domain.Answer {
	return domain.Answer{
		Type: domain.Bounce,
		Code: rapid.SampledFrom([]int{0, 250, 450, 550, 554}).Draw(t, "code"),
		Enhanced: rapid.SampledFrom([]domain.EnhancedCode{
			{}, {}, {Class: 5, Subject: 1, Detail: 1}, {Class: 4, Subject: 2, Detail: 2}, {Class: 5, Subject: 7, Detail: 26},
		}).Draw(t, "enhanced"),
		Text: strings.Join(rapid.SliceOfN(textParts, 0, 12).Draw(t, "text"), ""),
		Hint: rapid.SampledFrom([]string{"", "Uncategorized", "SpamBlock"}).Draw(t, "hint"),
	}
})

// anyRules draws rules of which many match one answer. None blames the
// recipient: that more is asked of such rules is not the naive one's to know.
var anyRules = rapid.Custom(func(t *rapid.T) []domain.Rule {
	rules := make([]domain.Rule, rapid.IntRange(1, 12).Draw(t, "rules"))
	for i := range rules {
		r := &rules[i]
		r.Name, r.Cause = fmt.Sprintf("rule-%d", i), domain.CauseSender
		r.Text = rapid.SliceOfN(pieces, 0, 2).Draw(t, "pieces")
		r.Any = rapid.SliceOfN(pieces, 0, 3).Draw(t, "any")
		r.Not = maybe(t, "not", pieces)
		r.Codes = maybe(t, "codes", rapid.SampledFrom([]string{"550", "5xx", "4xx"}))
		r.Enhanced = maybe(t, "enhanced codes", rapid.SampledFrom([]string{"5.1.1", "5.7.*", "*.1.1", "5.*.*", "*.2.*"}))
		r.Hints = maybe(t, "hints", rapid.SampledFrom([]string{"SpamBlock", "spamblock", "QuotaIssues"}))
		r.Weight = rapid.SampledFrom([]int{0, 0, 0, 1, -1}).Draw(t, "weight")
		if len(r.Text)+len(r.Any) > 0 && rapid.Bool().Draw(t, "owned") {
			r.Of = "someone"
		}
		if len(r.Text)+len(r.Any)+len(r.Codes)+len(r.Enhanced)+len(r.Hints) == 0 {
			r.Types = []domain.EventType{rapid.SampledFrom([]domain.EventType{domain.Bounce, domain.OOB}).Draw(t, "type")}
		}
	}
	return rules
})

// maybe draws values in a third of all cases.
func maybe(t *rapid.T, label string, values *rapid.Generator[string]) []string {
	if rapid.IntRange(0, 2).Draw(t, label+"?") > 0 {
		return nil
	}
	return rapid.SliceOfN(values, 1, 2).Draw(t, label)
}

func TestClassifierDecidesAsTheDefinitionDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := anyRules.Draw(t, "rules")
		c, err := domain.NewClassifier(rules)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a := answers.Draw(t, "answer")
			if got, want := c.Classify(&a).Rule, naive(rules, &a); got != want {
				t.Fatalf("%+v: decided by %q, want %q", a, got, want)
			}
		}
	})
}

func TestOrderOfRulesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := anyRules.Draw(t, "rules")
		one, err := domain.NewClassifier(rules)
		if err != nil {
			t.Fatal(err)
		}
		other, err := domain.NewClassifier(rapid.Permutation(rules).Draw(t, "permutation"))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			a := answers.Draw(t, "answer")
			if v, w := one.Classify(&a), other.Classify(&a); v != w {
				t.Fatalf("%+v: %+v and %+v", a, v, w)
			}
		}
	})
}

func TestRulesOfEqualConditionsGoByTheirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := anyRules.Draw(t, "rules")[0]
		second := first
		first.Name, second.Name = "a", "b"
		c, err := domain.NewClassifier([]domain.Rule{second, first})
		if err != nil {
			t.Fatal(err)
		}
		a := answers.Draw(t, "answer")
		if v := c.Classify(&a); v.Rule == "b" {
			t.Fatalf("%+v: %+v", a, v)
		}
	})
}

func TestClassifyIsSafeForConcurrentUseAndAllocatesNothing(t *testing.T) {
	c := newClassifier(t, someRules)
	a := domain.ParseAnswer("550-5.1.1 The email account that you tried to reach does not exist. ann@example.com")
	if n := testing.AllocsPerRun(100, func() { c.Classify(&a); domain.ResponseHash(a.Text) }); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				if v := c.Classify(&a); v.Rule != "google-user-unknown" {
					t.Errorf("decided by %q", v.Rule)
				}
			}
		})
	}
	all.Wait()
}

func TestOnlyTheBeginningOfALongTextIsLookedAt(t *testing.T) {
	c := newClassifier(t, someRules)
	near := domain.Answer{Type: domain.Bounce, Text: strings.Repeat(".", 4000) + " blocked using a list" + strings.Repeat(" @", 1<<15)}
	far := domain.Answer{Type: domain.Bounce, Text: strings.Repeat("\xff", 1<<16) + " blocked using a list"}
	if v := c.Classify(&near); v.Rule != "blocklist" {
		t.Errorf("decided by %q", v.Rule)
	}
	if v := c.Classify(&far); v.Rule != "" {
		t.Errorf("decided by %q", v.Rule)
	}
}

func FuzzClassify(f *testing.F) {
	for _, text := range []string{
		"550-5.1.1 The email account that you tried to reach does not exist", "smtp; 554 5.7.1 <a@b>: blocked using x",
		"host x said: 452 mailbox full (#4.2.2)", "550", "5.1.1", "550-\r\n550-@\r\n", "\xff\x00 4.4.4.4 5.7.1.", ";;",
	} {
		f.Add(text)
	}
	c := newClassifier(f, someRules)
	f.Fuzz(func(t *testing.T, response string) {
		a := domain.ParseAnswer(response)
		v := c.Classify(&a)
		if !v.Cause.Has(v.Subcause) || v.Permanence == "" || !v.Fault.IsKnown() {
			t.Errorf("%q: %+v", response, v)
		}
		if strings.Contains(strings.ToLower(v.Rule), "recipient") && a.Enhanced.Subject == 7 {
			t.Errorf("%q: a block is the recipient's: %+v", response, v)
		}
	})
}
