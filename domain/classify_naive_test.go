package domain_test

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// naive classifies bounces by the definition: every rule is tried on the text,
// and the most specific of those that match is taken. It knows nothing of how
// the classifier does it.
func naive(rules []domain.Rule, a *domain.Answer) string {
	text, inText := naiveFold(a.Text)
	enhanced := a.Enhanced
	if enhanced == (domain.EnhancedCode{}) && (a.Code < 400 || a.Code/100 == inText.Class) {
		enhanced = inText
	}
	best, winner := []int(nil), ""
	for i := range rules {
		r := &rules[i]
		if !naiveHolds(r, a, text, enhanced) {
			continue
		}
		for _, literal := range naiveLiterals(r, text) {
			key := naiveKey(r, literal)
			if c := slices.Compare(key, best); winner == "" || c > 0 || c == 0 && r.Name < winner {
				best, winner = key, r.Name
			}
		}
	}
	return winner
}

// naiveLiterals are the lengths of text that the rule names, for each way in
// which its text is there.
func naiveLiterals(r *domain.Rule, text string) []int {
	length := 0
	for _, piece := range r.Text {
		if !naiveFinds(text, piece) {
			return nil
		}
		length += len(piece)
	}
	if len(r.Any) == 0 {
		return []int{length}
	}
	var literals []int
	for _, piece := range r.Any {
		if naiveFinds(text, piece) {
			literals = append(literals, length+len(piece))
		}
	}
	return literals
}

// naiveKey is greater the more specific the rule is.
func naiveKey(r *domain.Rule, literal int) []int {
	tier := 0
	switch {
	case len(r.Hints) > 0:
		tier = 1
	case r.Of != "" && r.Weight >= 0:
		tier = 5
	case len(r.Text)+len(r.Any) > 0:
		tier = 4
	case len(r.Enhanced) > 0:
		tier = 3
	case len(r.Codes) > 0:
		tier = 2
	}
	enhanced, code, conditions := 0, 0, 0
	for i, s := range r.Enhanced {
		exact := 0
		for part, word := range strings.Split(s, ".") {
			if word != "*" {
				exact += []int{1, 2, 4}[part]
			}
		}
		if i == 0 || exact < enhanced {
			enhanced = exact
		}
	}
	for i, s := range r.Codes {
		exact := 3 - strings.Count(s, "x")
		if i == 0 || exact < code {
			code = exact
		}
	}
	for _, n := range []int{len(r.Hints), len(r.Types), len(r.Not)} {
		conditions += min(n, 1)
	}
	if literal > 0 {
		literal += enhanced + code
	}
	return []int{tier, r.Weight, literal, enhanced, code, conditions}
}

func naiveHolds(r *domain.Rule, a *domain.Answer, text string, enhanced domain.EnhancedCode) bool {
	has := func(n int, holds func(i int) bool) bool {
		return n == 0 || slices.ContainsFunc(slices.Collect(upTo(n)), holds)
	}
	code := strconv.Itoa(a.Code)
	return has(len(r.Types), func(i int) bool { return r.Types[i] == a.Type }) &&
		has(len(r.Codes), func(i int) bool { return r.Codes[i] == code || r.Codes[i] == code[:1]+"xx" }) &&
		has(len(r.Enhanced), func(i int) bool { return naiveEnhanced(r.Enhanced[i], enhanced.String()) }) &&
		has(len(r.Hints), func(i int) bool { return strings.EqualFold(r.Hints[i], a.Hint) }) &&
		!slices.ContainsFunc(r.Not, func(piece string) bool { return naiveFinds(text, piece) })
}

func upTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func naiveEnhanced(pattern, code string) bool {
	want, got := strings.Split(pattern, "."), strings.Split(code, ".")
	return len(got) == 3 && !slices.ContainsFunc([]int{0, 1, 2}, func(i int) bool { return want[i] != "*" && want[i] != got[i] })
}

// naiveFinds says whether piece is in text and, where it begins or ends with a
// letter, no letter or digit is next to it.
func naiveFinds(text, piece string) bool {
	pattern := regexp.QuoteMeta(piece)
	letter := regexp.MustCompile(`[a-z]`)
	if letter.MatchString(piece[:1]) {
		pattern = `(?:^|[^a-z0-9])` + pattern
	}
	if letter.MatchString(piece[len(piece)-1:]) {
		pattern += `(?:$|[^a-z0-9])`
	}
	return regexp.MustCompile(pattern).MatchString(text)
}

var (
	naiveLine    = regexp.MustCompile(`^[45][0-9][0-9]-`)
	naiveReply   = regexp.MustCompile(`^[45][0-9][0-9]$`)
	naiveAlone   = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)
	naiveAddress = regexp.MustCompile(`[a-z0-9._+=%&~!#$*-]*@([a-z0-9._-]*[a-z0-9_])?`)
	naiveWithin  = regexp.MustCompile(`(?:^|[^a-z0-9.-])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^a-z0-9.-]|\.$|\.[^a-z0-9])`)
)

// naiveFold is the form of text that pieces are compared with, and the first
// enhanced code in it.
func naiveFold(text string) (string, domain.EnhancedCode) {
	lower := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
	words := strings.FieldsFunc(lower, func(r rune) bool { return r <= ' ' || r == 0x7f })
	var kept []string
	var code, line string
	for i, word := range words {
		for naiveLine.MatchString(word) {
			line, word = word[:3], word[4:]
		}
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case naiveAlone.MatchString(word):
			code = cmp.Or(code, word)
		case word == "", naiveReply.MatchString(word) && (word == line || naiveAlone.MatchString(next)):
		default:
			kept = append(kept, naiveAddress.ReplaceAllString(word, "@"))
		}
	}
	folded := strings.Join(kept, " ")
	if m := naiveWithin.FindStringSubmatch(folded); code == "" && m != nil {
		code = m[1]
	}
	var enhanced domain.EnhancedCode
	if parts := strings.Split(code, "."); len(parts) == 3 {
		enhanced.Class, _ = strconv.Atoi(parts[0])
		enhanced.Subject, _ = strconv.Atoi(parts[1])
		enhanced.Detail, _ = strconv.Atoi(parts[2])
	}
	return folded, enhanced
}
