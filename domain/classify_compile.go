package domain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// NewClassifier compiles rules, whose order does not matter. The error names
// every fault of every rule.
func NewClassifier(rules []Rule) (*Classifier, error) {
	if err := checkRules(rules); err != nil {
		return nil, err
	}
	all := slices.Concat(expiredReports, rules)
	b := newBuilder(all)
	m, err := newMatcher(b.texts)
	if err != nil {
		return nil, fmt.Errorf("compile %d rules: %w", len(rules), err)
	}
	c := &Classifier{matcher: m, rules: make([]Rule, 0, len(all)), compiled: make([]condition, 0, len(all))}
	for _, word := range guardWords {
		c.guardBits.add(b.numbers[word])
	}
	for i := range all {
		tier := tierOf(&all[i])
		if i < len(expiredReports) {
			tier = tierType
		}
		b.add(c, &all[i], tier)
	}
	if len(b.ranks) >= 1<<16 {
		return nil, fmt.Errorf("compile %d rules: %d combinations of their texts, want fewer than %d", len(rules), len(b.ranks), 1<<16)
	}
	b.order(c)
	for i := range typeRules {
		rule := kept(&typeRules[i])
		c.byType[rule.Types[0]] = &rule
	}
	return c, nil
}

// builder holds what is needed only while rules are compiled.
type builder struct {
	texts   []string // of pieces, sorted
	numbers map[string]uint16
	ranks   []rank
}

// rank is a way and its place among others.
type rank struct {
	specificity
	rule   uint16
	pieces []uint16
}

// newBuilder numbers the pieces of all rules.
func newBuilder(rules []Rule) *builder {
	n, ways := len(guardWords), 0
	for i := range rules {
		r := &rules[i]
		n += len(r.Text) + len(r.Any) + len(r.Not)
		ways += max(1, len(r.Any))
	}
	texts := append(make([]string, 0, n), guardWords...)
	for i := range rules {
		r := &rules[i]
		texts = append(append(append(texts, r.Text...), r.Any...), r.Not...)
	}
	slices.Sort(texts)
	b := &builder{
		texts: slices.Clip(slices.Compact(texts)), ranks: make([]rank, 0, ways),
	}
	b.numbers = make(map[string]uint16, len(b.texts))
	for i, text := range b.texts {
		b.numbers[text] = uint16(i)
	}
	return b
}

// add compiles a rule. Its conditions have been checked.
func (b *builder) add(c *Classifier, r *Rule, tier int) {
	number := uint16(len(c.rules))
	rule := kept(r)
	c.rules = append(c.rules, rule)
	cond := condition{
		not: b.piecesOf(r.Not), hints: r.Hints,
		guarded: tier >= tierEnhanced && r.Cause == CauseRecipient,
	}
	for _, t := range r.Types {
		cond.types |= 1 << t
	}
	for _, s := range r.Codes {
		code, _ := parseCode(s)
		cond.codes = append(cond.codes, code)
	}
	for _, s := range r.Enhanced {
		code, _ := parseEnhancedPattern(s)
		cond.enhanced = append(cond.enhanced, code)
	}
	c.compiled = append(c.compiled, cond)

	base := cond.specificity(tier, r)
	text := b.piecesOf(r.Text)
	if len(r.Any) == 0 {
		b.rank(base, number, text)
	}
	for i, one := range r.Any {
		base.way = i
		b.rank(base, number, append(slices.Clip(text), b.numbers[one]))
	}
}

// rank adds one way, with the longest piece first: it is the rarest.
func (b *builder) rank(s specificity, rule uint16, pieces []uint16) {
	for i, piece := range pieces {
		s.literal += len(b.texts[piece])
		if len(b.texts[piece]) > len(b.texts[pieces[0]]) {
			pieces[0], pieces[i] = piece, pieces[0]
		}
	}
	if s.literal > 0 {
		s.literal += s.enhanced + s.code
	}
	b.ranks = append(b.ranks, rank{s, rule, pieces})
}

// order sorts the ways and lists them by what they wait for.
func (b *builder) order(c *Classifier) {
	slices.SortFunc(b.ranks, func(p, q rank) int { return p.compare(&q.specificity) })
	waiting, pieces := make([][]uint16, len(b.texts)), make([][]uint16, len(b.ranks))
	c.ways.rules = make([]uint16, len(b.ranks))
	for i := range b.ranks {
		r := &b.ranks[i]
		c.ways.rules[i], pieces[i] = r.rule, r.pieces
		if len(r.pieces) == 0 {
			c.wordless = append(c.wordless, uint16(i))
			continue
		}
		waiting[r.pieces[0]] = append(waiting[r.pieces[0]], uint16(i))
	}
	c.ways.pieces, c.triggers = newSpans(pieces), newSpans(waiting)
}

func (b *builder) piecesOf(texts []string) []uint16 {
	if len(texts) == 0 {
		return nil
	}
	pieces := make([]uint16, len(texts))
	for i, text := range texts {
		pieces[i] = b.numbers[text]
	}
	return pieces
}

// specificity is that of a rule without its text. Of several codes the least
// exact counts, since it may be the one that holds.
func (c *condition) specificity(tier int, r *Rule) specificity {
	s := specificity{tier: tier, weight: r.Weight, name: r.Name}
	for i, p := range c.enhanced {
		if exact := p.exactness(); i == 0 || exact < s.enhanced {
			s.enhanced = exact
		}
	}
	for i, r := range c.codes {
		exact := 3
		if r.least != r.greatest {
			exact = 1
		}
		if i == 0 || exact < s.code {
			s.code = exact
		}
	}
	for _, set := range []bool{len(r.Hints) > 0, len(r.Types) > 0, len(r.Not) > 0} {
		if set {
			s.conditions++
		}
	}
	return s
}

func tierOf(r *Rule) int {
	switch {
	case len(r.Hints) > 0:
		return tierHint
	case r.Of != "" && r.Weight >= 0:
		return tierOwned
	case len(r.Text)+len(r.Any) > 0:
		return tierText
	case len(r.Enhanced) > 0:
		return tierEnhanced
	case len(r.Codes) > 0:
		return tierCode
	}
	return tierRest
}

// kept is what stays of a rule: all but what takes much room and is compiled or
// of no use any more, defaults filled in.
func kept(r *Rule) Rule {
	k := *r
	k.Text, k.Any, k.Not, k.Tests = nil, nil, nil, nil
	if k.Fault == "" {
		k.Fault = usualFault(k.Cause, k.Subcause)
	}
	if k.Advice == "" {
		k.Advice = UsualAdvice(k.Cause, k.Subcause)
	}
	return k
}

// checkRules names every fault of every rule.
func checkRules(rules []Rule) error {
	var faults []error
	taken := map[string]bool{}
	for _, r := range slices.Concat(typeRules, expiredReports) {
		taken[r.Name] = true
	}
	for i := range rules {
		r := &rules[i]
		for _, fault := range r.faults() {
			faults = append(faults, fmt.Errorf("rule %d %q: %w", i+1, r.Name, fault))
		}
		if taken[r.Name] {
			faults = append(faults, fmt.Errorf("rule %d %q: the name is taken", i+1, r.Name))
		}
		taken[r.Name] = true
	}
	return errors.Join(faults...)
}

func (r *Rule) faults() []error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !isRuleName(r.Name) {
		fault("the name is not of lower case words with dashes")
	}
	if !r.Cause.Has("") {
		fault("cause %q is unknown", r.Cause)
	} else if !r.Cause.Has(r.Subcause) {
		fault("subcause %q is none of %q", r.Subcause, r.Cause)
	}
	if r.Permanence != "" && r.Permanence != Permanent && r.Permanence != Temporary {
		fault("permanence %q is unknown", r.Permanence)
	}
	if r.Fault != "" && !r.Fault.IsKnown() {
		fault("fault %q is unknown", r.Fault)
	}
	if len(r.Types)+len(r.Codes)+len(r.Enhanced)+len(r.Text)+len(r.Any)+len(r.Hints) == 0 {
		fault("no condition is set")
	}
	if r.Of != "" && len(r.Text)+len(r.Any) == 0 {
		fault("a wording of %q without text", r.Of)
	}
	return append(faults, r.conditionFaults()...)
}

func (r *Rule) conditionFaults() []error {
	var faults []error
	for _, t := range r.Types {
		if !t.fails() {
			faults = append(faults, fmt.Errorf("type %q tells of no failure", t))
		}
	}
	for _, s := range r.Codes {
		if _, err := parseCode(s); err != nil {
			faults = append(faults, err)
		}
	}
	for _, s := range r.Enhanced {
		if _, err := parseEnhancedPattern(s); err != nil {
			faults = append(faults, err)
		}
	}
	for _, text := range slices.Concat(r.Text, r.Any, r.Not) {
		if err := checkPiece(text); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

// isRuleName says whether s is of lower case words and numbers with dashes.
func isRuleName(s string) bool {
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r > 'z' || !isWord(byte(r)) }) {
			return false
		}
	}
	return true
}

// checkPiece says why a piece of text could never be found.
func checkPiece(text string) error {
	if text == "" {
		return errors.New("an empty text")
	}
	got, _ := fold(make([]byte, len(text)), text)
	if string(got) != text {
		return fmt.Errorf("text %q is never found, answers are compared as %q", text, got)
	}
	return nil
}
