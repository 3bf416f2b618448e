package domain

import "unicode/utf8"

// maxNormalized is the greatest length of a normalised response in bytes.
const maxNormalized = 512

// NormalizeResponse returns text without what differs between answers of equal
// cause: e-mail addresses and message ids are <address>, IP addresses <ip>, host
// names <host>, links <url>, dates and times <date>, ids <id> and other numbers
// <number>. Reply and enhanced codes and the short codes that servers give their
// reasons ("TSS04", "S3150") stay. White space is collapsed, the case kept. At
// most 512 bytes, whole words. Normalising twice changes nothing.
func NormalizeResponse(text string) string {
	var n normalizer
	return string(n.normalize(text))
}

// ResponseHash is a hash of the normalised text (FNV-1a, the same everywhere and
// for ever), 0 for a text of which nothing is left.
func ResponseHash(text string) uint64 {
	var n normalizer
	normalized := n.normalize(text)
	if len(normalized) == 0 {
		return 0
	}
	hash := uint64(14695981039346656037)
	for _, b := range normalized {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return max(hash, 1)
}

type normalizer struct {
	out   [maxNormalized]byte
	n     int  // of out, written
	whole int  // of out, up to where it may be cut
	blank bool // one is due before what is written next
	full  bool
}

// normalize reads text word by word. A word is kept or replaced as a whole by
// what it is made of, never by what stands around it, and a placeholder is of
// kept words: so what was written reads the same again.
func (n *normalizer) normalize(text string) []byte {
	text = text[:min(len(text), maxFolded)]
	for at := 0; at < len(text) && !n.full; {
		b := text[at]
		switch {
		case isBlank(b):
			n.blank = true
			at++
		case inWord[b]:
			at = n.word(text, at)
		case b == ':' && at+1 < len(text) && text[at+1] == ':':
			at = n.colons(text, at)
		case b >= utf8.RuneSelf:
			at += n.character(text[at:])
		default:
			n.write(text[at : at+1])
			at++
		}
	}
	if !n.full {
		return n.out[:n.n]
	}
	if n.whole == 0 {
		return append(n.out[:0], wordID...)
	}
	return n.out[:n.whole]
}

// The placeholders.
const (
	wordAddress = "<address>"
	wordIP      = "<ip>"
	wordHost    = "<host>"
	wordURL     = "<url>"
	wordDate    = "<date>"
	wordID      = "<id>"
	wordNumber  = "<number>"
)

// write appends s, or notes that there is no room for all of it.
func (n *normalizer) write(s string) {
	if n.blank && n.n > 0 {
		n.whole = n.n
		if n.n < len(n.out) {
			n.out[n.n] = ' '
			n.n++
		} else {
			n.full = true
		}
	}
	n.blank = false
	if n.full || n.n+len(s) > len(n.out) {
		n.full = true
		return
	}
	n.n += copy(n.out[n.n:], s)
}

// character writes the one that text begins with, a question mark for a byte
// that is none, and returns its length.
func (n *normalizer) character(text string) int {
	r, size := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && size < 2 {
		n.write("?")
		return size
	}
	n.write(text[:size])
	if !n.full {
		n.whole = n.n
	}
	return size
}

// replace writes a placeholder for what ends at end and returns where to read
// on. Angle brackets around it are taken for its own.
func (n *normalizer) replace(placeholder, text string, end int) int {
	if n.n > 0 && !n.blank && n.out[n.n-1] == '<' && end < len(text) && text[end] == '>' {
		n.n--
		end++
	}
	n.write(placeholder)
	return end
}

// word writes the word at text[at], or what begins with it, and returns where to
// read on. Punctuation around it is not part of it.
func (n *normalizer) word(text string, at int) int {
	w := scanWord(text, at)
	if w.from > at {
		n.write(text[at:w.from])
	}
	if w.from == w.to {
		return w.end
	}
	if length, placeholder := longer(text[w.from:], &w); length > 0 {
		return n.replace(placeholder, text, w.from+length)
	}
	placeholder := w.placeholder(text[w.from:w.to])
	if placeholder == "" {
		n.write(text[w.from:w.end])
		return w.end
	}
	end := n.replace(placeholder, text, w.to)
	if end < w.end {
		n.write(text[end:w.end])
	}
	return max(end, w.end)
}

// colons writes an IP address that begins with colons, or one of them.
func (n *normalizer) colons(text string, at int) int {
	if length := ipv6(text[at:]); length > 0 {
		return n.replace(wordIP, text, at+length)
	}
	n.write(":")
	return at + 1
}

// longer returns the length of what begins with the word and goes beyond it, and
// its placeholder; 0 where there is no such thing.
func longer(text string, w *word) (length int, placeholder string) {
	follows := byte(0)
	if w.end-w.from < len(text) {
		follows = text[w.end-w.from]
	}
	if follows == ':' {
		if length := link(text); length > 0 {
			return length, wordURL
		}
		if w.hex {
			if length := ipv6(text); length > 0 {
				return length, wordIP
			}
		}
	}
	if w.digits > 0 || w.letters == 3 {
		if length := date(text); length > 0 {
			return length, wordDate
		}
	}
	return 0, ""
}
