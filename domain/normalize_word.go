package domain

// word is a run of characters that hold together, and what it is made of.
type word struct {
	from, to, end int // of a text; between to and end is punctuation

	letters, digits, dots, ats, others int
	hex                                bool // hexadecimal digits alone
}

// scanWord reads the word that begins at text[at].
func scanWord(text string, at int) word {
	w := word{from: at, hex: true}
	for w.from < len(text) && isMark[text[w.from]] {
		w.from++
	}
	w.end = w.from
	for w.end < len(text) && inWord[text[w.end]] {
		w.end++
	}
	w.to = w.end
	for w.to > w.from && isMark[text[w.to-1]] {
		w.to--
	}
	for _, b := range []byte(text[w.from:w.to]) {
		b = lower(b)
		switch {
		case isLetter(b):
			w.letters++
			w.hex = w.hex && b <= 'f'
		case isDigit(b):
			w.digits++
		case b == '.':
			w.dots++
			w.hex = false
		case b == '@':
			w.ats++
			w.hex = false
		default:
			w.others++
			w.hex = false
		}
	}
	return w
}

// maxWord is the length from which on a word is none of a language.
const maxWord = 40

// placeholder is what stands for the word s, "" where it stays.
func (w *word) placeholder(s string) string {
	switch {
	case w.ats > 0:
		return wordAddress
	case w.dots == 3 && w.digits+w.dots == len(s) && isIPv4(s):
		return wordIP
	case w.dots > 0 && isHost(s):
		return wordHost
	case len(s) > maxWord:
		return wordID
	case w.digits == 0:
		return ""
	case w.letters == 0:
		return w.number(s)
	case isShortCode(s):
		return ""
	case w.others == 0 && w.letters <= 2 && isDigit(s[0]):
		return wordNumber // "300s", "25MB"
	}
	return wordID
}

// number is what stands for digits with marks between them.
func (w *word) number(s string) string {
	if startsWithReplyCode(s) || s == "250" {
		if len(s) == 3 {
			return ""
		}
		if _, n := enhancedCode(s[3:]); n == 0 && s[3] == '-' {
			_, n = enhancedCode(s[4:])
			if n == len(s)-4 {
				return "" // "550-5.1.1"
			}
		}
	}
	if _, n := enhancedCode(s); n == len(s) {
		return ""
	}
	if w.digits >= 9 {
		return wordID
	}
	return wordNumber
}

// isShortCode says whether s is letters and then a few digits, as servers name
// their reasons and everybody versions ("TSS04", "OU-002", "TLSv1.2"), or the
// reply code of a line that goes on ("550-Requested").
func isShortCode(s string) bool {
	if startsWithReplyCode(s) && len(s) > 4 && s[3] == '-' {
		for _, b := range []byte(s[4:]) {
			if !isLetter(lower(b)) {
				return false
			}
		}
		return true
	}
	i := 0
	for i < len(s) && isLetter(lower(s[i])) {
		i++
	}
	letters := i
	if i < len(s) && (s[i] == '-' || s[i] == '_') {
		i++
	}
	digits := 0
	for ; i < len(s); i++ {
		if isDigit(s[i]) {
			digits++
		} else if s[i] != '.' {
			return false
		}
	}
	return letters > 0 && letters <= 12 && digits <= 6
}

// isHost says whether s is a domain name of two labels or more. The last one is
// of letters in one case, which tells it from Exchange's "QUEUE.Expired".
func isHost(s string) bool {
	start := 0
	for i := range len(s) {
		if s[i] == '.' {
			if i == start {
				return false
			}
			start = i + 1
		} else if !isWord(lower(s[i])) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	last := s[start:]
	if len(last) > 4 && (last[:4] == "xn--" || last[:4] == "XN--") {
		return true
	}
	if len(last) < 2 || len(last) > 24 {
		return false
	}
	upper := !isLetter(last[0])
	for _, b := range []byte(last) {
		if !isLetter(lower(b)) || isLetter(b) == upper {
			return false
		}
	}
	return true
}

// isIPv4 says whether s, of digits and three dots, is an address.
func isIPv4(s string) bool {
	value, n := 0, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			if n == 0 || n > 3 || value > 255 {
				return false
			}
			value, n = 0, 0
			continue
		}
		value, n = (value*10+int(s[i]-'0'))%10000, n+1
	}
	return true
}

// inWord is what words are made of, isMark what of it is punctuation at the
// beginning or end of one.
var (
	inWord = bytesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@" + marks)
	isMark = bytesOf(marks)
)

const marks = ".-_+~%"

func bytesOf(s string) (in [256]bool) {
	for i := range len(s) {
		in[s[i]] = true
	}
	return in
}
