package rulebook_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/domain"
)

// judged is a response as a server said it, with what somebody who reads such
// responses all day makes of it. The rules are written without a look at the
// set "judge"; those of the set "open" may be looked at.
type judged struct {
	response   string
	right      []meaning // the best one first
	permanence domain.Permanence
	side       string // whose matter it is: recipient, sender, other
	set        string
}

// meaning is a cause with its subcause; "" is any of the cause, because the
// response does not tell.
type meaning struct {
	cause    domain.Cause
	subcause domain.Subcause
}

func (m meaning) admits(v domain.Verdict) bool {
	return m.cause == v.Cause && (m.subcause == "" || m.subcause == v.Subcause)
}

// score is how a set came out.
type score struct {
	lines, right, rightPermanence      int
	recipients                         int // lines that are the recipient's matter
	sendersBlamed, recipientsForgotten []string
	confused                           map[string]int
}

func TestResponsesNotWrittenForMeanWhatTheySay(t *testing.T) {
	classifier, err := rulebook.Classifier()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"open", "judge"} {
		t.Run(set, func(t *testing.T) {
			s := score{confused: map[string]int{}}
			for _, j := range judgedResponses(t) {
				if j.set == set {
					s.count(t, j, classifier)
				}
			}
			s.report(t)
			s.demand(t)
		})
	}
}

// count classifies one line. Wrong lines are shown of the open set only.
func (s *score) count(t *testing.T, j judged, classifier *domain.Classifier) {
	t.Helper()
	answer := domain.ParseAnswer(j.response)
	v := classifier.Classify(&answer)
	s.lines++
	switch {
	case slices.ContainsFunc(j.right, func(m meaning) bool { return m.admits(v) }):
		s.right++
	default:
		s.confused[fmt.Sprintf("%s -> %s", j.right[0], meaning{v.Cause, v.Subcause})]++
		j.show(t, "%s by %q, not %s", meaning{v.Cause, v.Subcause}, v.Rule, j.right[0])
	}
	if j.permanence == v.Permanence {
		s.rightPermanence++
	} else {
		j.show(t, "%s by %q, not %s", v.Permanence, v.Rule, j.permanence)
	}
	s.takeSides(j, v)
}

// takeSides counts what is worse than a wrong word: an address given up because
// its host blocks the sender, and a dead address taken for a block.
func (s *score) takeSides(j judged, v domain.Verdict) {
	switch j.side {
	case "sender":
		if v.Cause == domain.CauseRecipient {
			s.sendersBlamed = append(s.sendersBlamed, v.Rule)
		}
	case "recipient":
		s.recipients++
		if v.Cause == domain.CauseSender || v.Cause == domain.CauseContent {
			s.recipientsForgotten = append(s.recipientsForgotten, v.Rule)
		}
	}
}

func (s *score) report(t *testing.T) {
	t.Logf("%d lines, right: %.1f %%, permanence right: %.1f %%",
		s.lines, percent(s.right, s.lines), percent(s.rightPermanence, s.lines))
	kinds := slices.SortedFunc(maps.Keys(s.confused), func(a, b string) int {
		return cmp.Or(s.confused[b]-s.confused[a], strings.Compare(a, b))
	})
	for _, kind := range kinds {
		t.Logf("%3d  %s", s.confused[kind], kind)
	}
}

func (s *score) demand(t *testing.T) {
	if got := percent(s.right, s.lines); got < 95 {
		t.Errorf("cause and subcause are right in %.1f %%, want 95", got)
	}
	if got := percent(s.rightPermanence, s.lines); got < 95 {
		t.Errorf("permanence is right in %.1f %%, want 95", got)
	}
	if len(s.sendersBlamed) > 0 {
		t.Errorf("%d blocks of the sender came out as the recipient's, by %q", len(s.sendersBlamed), s.sendersBlamed)
	}
	if got := percent(len(s.recipientsForgotten), s.recipients); got >= 2 {
		t.Errorf("%.1f %% of what is the recipient's came out as the sender's, want under 2, by %q", got, s.recipientsForgotten)
	}
}

func TestJudgedResponsesAreDistinctAndEveryThirdIsHeldBack(t *testing.T) {
	all := judgedResponses(t)
	if len(all) < 500 {
		t.Errorf("%d responses, want 500", len(all))
	}
	seen := map[string]bool{}
	for i, j := range all {
		if seen[j.response] {
			t.Errorf("response %d is there twice", i+1)
		}
		seen[j.response] = true
		if want := i%3 == 2; (j.set == "judge") != want {
			t.Errorf("response %d is of the set %q", i+1, j.set)
		}
		for _, m := range j.right {
			if !m.cause.Has(m.subcause) {
				t.Errorf("response %d has no such meaning: %s", i+1, m)
			}
			// Else a verdict could be right and forbidden at once.
			if j.side == "sender" && m.cause == domain.CauseRecipient {
				t.Errorf("response %d is the sender's matter and the recipient's", i+1)
			}
		}
	}
}

// judgedResponses reads the set: a line of titles, then on each line response,
// cause, subcause, permanence, side, from, other meanings that are as right
// ("sender/reputation|content/spam") and set.
func judgedResponses(t *testing.T) []judged {
	t.Helper()
	text, err := os.ReadFile("../../test/data/responses/responses.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []judged
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 8 {
			t.Fatalf("line %d has %d fields", len(all)+1, len(f))
		}
		j := judged{response: f[0], permanence: domain.Permanence(f[3]), side: f[4], set: f[7]}
		j.right = []meaning{{domain.Cause(f[1]), domain.Subcause(f[2])}}
		for also := range strings.SplitSeq(f[6], "|") {
			if cause, subcause, ok := strings.Cut(also, "/"); ok {
				j.right = append(j.right, meaning{domain.Cause(cause), domain.Subcause(subcause)})
			}
		}
		all = append(all, j)
	}
	return all[1:]
}

func (j judged) show(t *testing.T, format string, args ...any) {
	t.Helper()
	if testing.Verbose() && j.set == "open" {
		t.Logf("%s\n\t%s", fmt.Sprintf(format, args...), j.response)
	}
}

func (m meaning) String() string {
	return strings.TrimSuffix(string(m.cause)+"/"+string(m.subcause), "/")
}

func percent(part, of int) float64 { return 100 * float64(part) / float64(max(of, 1)) }
