package domain

// maxFolded is how much of a text is looked at: what servers say stands at its
// beginning, and its length is theirs to choose.
const maxFolded = 4096

// fold writes into dst, which is as long as text or has maxFolded bytes, the form of text
// that pieces are compared with: ASCII in lower case, white space and control
// characters as single blanks, e-mail addresses as "@", without the reply and
// enhanced codes that servers repeat at the beginning of each line ("550-5.1.1").
// It returns that form and the first enhanced code that stands in the text.
func fold(dst []byte, text string) ([]byte, EnhancedCode) {
	f := folder{dst: dst, text: text[:min(len(text), maxFolded)], begins: true}
	for f.at < len(f.text) {
		f.byte()
	}
	folded := dst[:f.n]
	if f.n > 0 && folded[f.n-1] == ' ' {
		folded = folded[:f.n-1]
	}
	if f.enhanced == (EnhancedCode{}) {
		f.enhanced = findEnhanced(folded)
	}
	return folded, f.enhanced
}

type folder struct {
	dst      []byte
	n        int // of dst, written
	text     string
	at       int // of text, read
	begins   bool
	line     int // reply code of a line that another one follows, 0 for none
	enhanced EnhancedCode
}

func (f *folder) byte() {
	b := f.text[f.at]
	switch {
	case isBlank(b):
		f.begins = true
		f.at++
		if f.n > 0 && f.dst[f.n-1] != ' ' {
			f.put(' ')
		}
	case f.begins && isCodeClass(b) && f.code():
	case b == '@':
		f.begins = false
		f.address()
	default:
		f.begins = false
		f.put(lower(b))
		f.at++
	}
}

func (f *folder) put(b byte) {
	f.dst[f.n] = b
	f.n++
}

// code passes over a code at the beginning of a word and says whether one is
// there: "550-" of a line that another follows, "550" before an enhanced code or
// after "550-", and an enhanced code that stands alone.
func (f *folder) code() bool {
	rest := f.text[f.at:]
	if enhanced, n := enhancedCode(rest); n > 0 && (n == len(rest) || isBlank(rest[n])) {
		if f.enhanced == (EnhancedCode{}) {
			f.enhanced = enhanced
		}
		f.at += n
		return true
	}
	if !startsWithReplyCode(rest) {
		return false
	}
	code, _ := upTo999(rest[:3])
	if len(rest) > 3 && rest[3] == '-' {
		f.line = code
		f.at += 4
		return true
	}
	if len(rest) > 3 && !isBlank(rest[3]) {
		return false
	}
	if code != f.line {
		after := rest[3:]
		for len(after) > 0 && isBlank(after[0]) {
			after = after[1:]
		}
		if _, n := enhancedCode(after); n == 0 || n < len(after) && !isBlank(after[n]) {
			return false
		}
	}
	f.at += 3
	return true
}

// address replaces what stands around an at sign, as far as it can be of an
// address; a dot or dash behind it is the sentence's.
func (f *folder) address() {
	for f.n > 0 && inLocalPart[f.dst[f.n-1]] {
		f.n--
	}
	f.put('@')
	f.at++
	end := f.at
	for end < len(f.text) && inDomain(f.text[end]) {
		end++
	}
	for end > f.at && (f.text[end-1] == '.' || f.text[end-1] == '-') {
		end--
	}
	f.at = end
}

// findEnhanced returns the first enhanced code in a text that does not go on
// before or behind it, as in "(#5.1.1)".
func findEnhanced(text []byte) EnhancedCode {
	for i := 1; i+3 < len(text); i++ {
		if text[i] != '.' || !isCodeClass(text[i-1]) || i > 1 && goesOn(text[i-2]) {
			continue
		}
		// A code has at most nine bytes; the string does not escape.
		code, n := enhancedCode(string(text[i-1 : min(i+9, len(text))]))
		if after := i - 1 + n; n > 0 && (after == len(text) || !goesOnAfter(text, after)) {
			return code
		}
	}
	return EnhancedCode{}
}

// goesOn says whether a number does not begin after b.
func goesOn(b byte) bool { return isWord(b) || b == '.' || b == '-' }

// goesOnAfter says whether a number goes on at i. A dot that ends a sentence
// ends it.
func goesOnAfter(text []byte, i int) bool {
	if text[i] == '.' {
		return i+1 < len(text) && isWord(text[i+1])
	}
	return isWord(text[i]) || text[i] == '-'
}

// enhancedCode reads the code that text begins with, and its length, 0 for none.
func enhancedCode(text string) (EnhancedCode, int) {
	if len(text) < 5 || !isCodeClass(text[0]) || text[1] != '.' {
		return EnhancedCode{}, 0
	}
	subject, n := upTo999(text[2:])
	at := 2 + n
	if n == 0 || at >= len(text) || text[at] != '.' {
		return EnhancedCode{}, 0
	}
	detail, n := upTo999(text[at+1:])
	if n == 0 {
		return EnhancedCode{}, 0
	}
	return EnhancedCode{int(text[0] - '0'), subject, detail}, at + 1 + n
}

// upTo999 reads one to three digits and says how many; 0 where there are more.
func upTo999(text string) (value, n int) {
	for n < len(text) && isDigit(text[n]) {
		if n == 3 {
			return 0, 0
		}
		value = value*10 + int(text[n]-'0')
		n++
	}
	return value, n
}

// startsWithReplyCode says whether text begins with a code of a failure.
func startsWithReplyCode(text string) bool {
	return len(text) >= 3 && (text[0] == '4' || text[0] == '5') && isDigit(text[1]) && isDigit(text[2])
}

// inLocalPart is what local parts of addresses are made of in practice; quotes
// and brackets around addresses are not among it.
var inLocalPart = func() (in [256]bool) {
	for b := range in {
		in[b] = isWord(byte(b))
	}
	for _, b := range []byte("._+-=%&~!#$*") {
		in[b] = true
	}
	return in
}()

func inDomain(b byte) bool {
	b = lower(b)
	return isWord(b) || b == '.' || b == '-' || b == '_'
}

func isCodeClass(b byte) bool { return b == '2' || b == '4' || b == '5' }

// isBlank says whether b is white space or a control character.
func isBlank(b byte) bool { return b <= ' ' || b == 0x7f }

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isLetter says whether b is a letter of folded text.
func isLetter(b byte) bool { return 'a' <= b && b <= 'z' }

// isWord says whether b is a letter or digit of folded text.
func isWord(b byte) bool { return isLetter(b) || isDigit(b) }

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}
