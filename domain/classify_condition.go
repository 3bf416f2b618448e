package domain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// condition is what a rule asks besides its pieces of text.
type condition struct {
	types    uint32 // a bit for each type, 0 for any
	codes    []codeRange
	enhanced []enhancedPattern
	not      []uint16 // pieces
	hints    []string
	guarded  bool // does not hold where the answer tells of a block
}

// codeRange is the reply codes from least to greatest.
type codeRange struct{ least, greatest int }

// enhancedPattern is an enhanced code whose parts may be anyPart.
type enhancedPattern EnhancedCode

const anyPart = -1

// ways are those in which the rules' texts can be there: all pieces of a rule,
// and one of those of which any will do.
type ways struct {
	rules  []uint16
	pieces spans
}

func (w *ways) count() int { return len(w.rules) }

// said says whether all pieces of a way are found.
func (w *ways) said(way uint16, found *pieceSet) bool {
	for _, piece := range w.pieces.of(int(way)) {
		if !found.has(piece) {
			return false
		}
	}
	return true
}

func (c *condition) holds(a *Answer, enhanced EnhancedCode, found, guard *pieceSet) bool {
	return (c.types == 0 || c.types&(1<<a.Type) != 0) &&
		c.holdsCode(a.Code) && c.holdsEnhanced(enhanced) && c.holdsHint(a.Hint) &&
		!c.denied(found) && (!c.guarded || !found.meets(guard) && (enhanced.Subject != 7 || len(c.enhanced) > 0))
}

func (c *condition) holdsCode(code int) bool {
	for _, r := range c.codes {
		if r.least <= code && code <= r.greatest {
			return true
		}
	}
	return len(c.codes) == 0
}

func (c *condition) holdsEnhanced(code EnhancedCode) bool {
	if len(c.enhanced) == 0 {
		return true
	}
	if code == (EnhancedCode{}) {
		return false
	}
	for _, p := range c.enhanced {
		if (p.Class == anyPart || p.Class == code.Class) &&
			(p.Subject == anyPart || p.Subject == code.Subject) &&
			(p.Detail == anyPart || p.Detail == code.Detail) {
			return true
		}
	}
	return false
}

func (c *condition) holdsHint(hint string) bool {
	for _, h := range c.hints {
		if strings.EqualFold(h, hint) {
			return true
		}
	}
	return len(c.hints) == 0
}

func (c *condition) denied(found *pieceSet) bool {
	return slices.ContainsFunc(c.not, found.has)
}

// parseCode reads "550" and "5xx".
func parseCode(s string) (codeRange, error) {
	if len(s) == 3 && s[0] >= '2' && s[0] <= '5' {
		if s[1:] == "xx" {
			class := int(s[0]-'0') * 100
			return codeRange{class, class + 99}, nil
		}
		if n, err := strconv.Atoi(s); err == nil && isDigit(s[1]) {
			return codeRange{n, n}, nil
		}
	}
	return codeRange{}, fmt.Errorf("code %q, want one like \"550\" or \"5xx\"", s)
}

// parseEnhancedPattern reads "5.1.1", "5.7.*" and "*.1.1".
func parseEnhancedPattern(s string) (enhancedPattern, error) {
	fault := fmt.Errorf("enhanced code %q, want one like \"5.1.1\", \"5.7.*\" or \"*.1.1\"", s)
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return enhancedPattern{}, fault
	}
	var n [3]int
	for i, part := range parts {
		if part == "*" {
			n[i] = anyPart
			continue
		}
		v, err := strconv.ParseUint(part, 10, 10)
		if err != nil || v > 999 {
			return enhancedPattern{}, fault
		}
		n[i] = int(v)
	}
	p := enhancedPattern{n[0], n[1], n[2]}
	if p.exactness() == 0 || p.Class != anyPart && p.Class != 2 && p.Class != 4 && p.Class != 5 {
		return enhancedPattern{}, fault
	}
	return p, nil
}

// exactness is greater the more of the code is given. The detail says more than
// the subject and that more than the class, which the reply code says too.
func (p enhancedPattern) exactness() int {
	exactness := 0
	for i, part := range [...]int{p.Class, p.Subject, p.Detail} {
		if part != anyPart {
			exactness += 1 << i
		}
	}
	return exactness
}

// specificity orders ways: the tier first, where 0 is the rules that no data
// file can change, then what the rule's author says, then how much of the
// answer is literally given.
type specificity struct {
	tier, weight, literal, enhanced, code, conditions int
	name                                              string
	way                                               int // among its rule's
}

// The tiers, most specific first.
const (
	tierType = iota
	tierOwned
	tierText
	tierEnhanced
	tierCode
	tierHint
	tierRest
)

// compare is negative where s is more specific than o. Rules have different
// names and ways of one rule different numbers: the order is total.
func (s *specificity) compare(o *specificity) int {
	// Most differ here; the rest costs more than all of this.
	if c := cmp.Or(
		cmp.Compare(s.tier, o.tier), cmp.Compare(o.weight, s.weight), cmp.Compare(o.literal, s.literal),
	); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(o.enhanced, s.enhanced),
		cmp.Compare(o.code, s.code),
		cmp.Compare(o.conditions, s.conditions),
		cmp.Compare(s.name, o.name),
		cmp.Compare(s.way, o.way),
	)
}
