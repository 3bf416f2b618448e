package domain

import "math/bits"

// Answer is what is to be classified: what a server, or KumoMTA in its stead,
// said of a message.
type Answer struct {
	Type     EventType // of the event; Bounce if the answer comes from nowhere else
	Code     int       // SMTP reply code, 0 for none
	Enhanced EnhancedCode
	Text     string // without the codes before it, line breaks as they are
	Hint     string // KumoMTA's own class
}

// AnswerOf is what an event has to say.
func AnswerOf(e *EmailEvent) Answer {
	return Answer{
		Type: e.Type, Code: e.Response.Code, Enhanced: e.Response.Enhanced,
		Text: e.Response.Content, Hint: e.Classification,
	}
}

// Classifier tells what answers mean. It is made of rules once and never
// changes: safe for concurrent use.
type Classifier struct {
	matcher   matcher
	rules     []Rule      // without texts and tests, defaults filled in
	compiled  []condition // of rules, in their order
	ways      ways        // the most specific first
	triggers  spans       // of each piece, the ways that wait for it, in order
	wordless  []uint16    // the ways that wait for no piece, in order
	byType    [len(eventTypes)]*Rule
	guardBits pieceSet // pieces that tell of a block
}

// Classify says what an answer means. Where a type alone decides, its rule does
// ("type-expiration"); else the most specific rule that matches; else the cause
// is unknown. Types that tell of no failure have the zero Verdict.
func (c *Classifier) Classify(a *Answer) Verdict {
	v, _ := c.Explain(a)
	return v
}

// Explain is Classify together with the rule that decided, nil for none. The
// rule has its advice and fault filled in, its texts and tests left out; it is
// shared and must not be changed.
func (c *Classifier) Explain(a *Answer) (Verdict, *Rule) {
	if !a.Type.fails() {
		return Verdict{}, nil
	}
	rule, enhanced := c.byType[a.Type], a.Enhanced
	if rule == nil {
		rule, enhanced = c.decide(a)
	}
	if rule == nil {
		return Verdict{
			Cause: CauseUnknown, Permanence: a.permanence(enhanced, ""), Fault: usualFault(CauseUnknown, ""),
		}, nil
	}
	v := Verdict{
		Cause: rule.Cause, Subcause: rule.Subcause, Permanence: rule.Permanence, Fault: rule.Fault, Rule: rule.Name,
	}
	if v.Permanence == "" {
		v.Permanence = a.permanence(enhanced, v.Subcause)
	}
	return v, rule
}

// decide returns the most specific rule that holds, nil if none does, and the
// enhanced code that counts: the answer's or the one in its text.
func (c *Classifier) decide(a *Answer) (*Rule, EnhancedCode) {
	var text [maxFolded]byte
	folded, enhanced := fold(text[:], a.Text)
	if a.Enhanced != (EnhancedCode{}) || !agree(a.Code, enhanced) {
		enhanced = a.Enhanced
	}
	var found pieceSet
	c.matcher.find(folded, &found)

	best := c.ways.count()
	words := (c.matcher.count() + 63) / 64
	for w := range words {
		for rest := found[w]; rest != 0; rest &= rest - 1 {
			piece := w*64 + bits.TrailingZeros64(rest)
			best = c.first(c.triggers.of(piece), best, a, enhanced, &found)
		}
	}
	best = c.first(c.wordless, best, a, enhanced, &found)
	if best == c.ways.count() {
		return nil, enhanced
	}
	return &c.rules[c.ways.rules[best]], enhanced
}

// first returns the first of candidates, which are in order, that holds, and
// best if none before it does.
func (c *Classifier) first(candidates []uint16, best int, a *Answer, enhanced EnhancedCode, found *pieceSet) int {
	for _, candidate := range candidates {
		if int(candidate) >= best {
			break
		}
		if c.ways.said(candidate, found) &&
			c.compiled[c.ways.rules[candidate]].holds(a, enhanced, found, &c.guardBits) {
			return int(candidate)
		}
	}
	return best
}

// agree says whether an enhanced code that stands in a text can be of an answer
// with that reply code.
func agree(code int, enhanced EnhancedCode) bool {
	return code < 400 || code/100 == enhanced.Class
}

// permanence is that of an answer whose rule leaves it open. A message that the
// MTA keeps trying has failed for now, whatever the code (kumomta.md, section
// 2.1), and one that was sent back has failed for good. Without any code it goes
// by what went wrong.
func (a *Answer) permanence(enhanced EnhancedCode, s Subcause) Permanence {
	switch a.Type {
	case TransientFailure, Delayed:
		return Temporary
	case OOB:
		return Permanent
	}
	class := a.Code / 100
	if a.Code == 0 {
		class = enhanced.Class
	}
	if class == 4 || class == 0 && s.passes() {
		return Temporary
	}
	return Permanent
}

// fails says whether events of this type tell of a failure.
func (t EventType) fails() bool {
	switch t {
	case Bounce, TransientFailure, Expiration, AdminBounce, OOB, Feedback, Delayed:
		return true
	}
	return false
}
