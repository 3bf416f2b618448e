package domain

import "strings"

// link returns the length of a link that text begins with, 0 for none.
func link(text string) int {
	const secure = "https://"
	length := len(secure)
	if len(text) < length || !strings.EqualFold(text[:length], secure) {
		length--
		if len(text) < length || !strings.EqualFold(text[:length], "http://") {
			return 0
		}
	}
	for length < len(text) && inLink(text[length]) {
		length++
	}
	for strings.IndexByte(".,:;?!", text[length-1]) >= 0 {
		length--
	}
	return length
}

func inLink(b byte) bool {
	return b > ' ' && b < 0x7f && strings.IndexByte("<>\"'`()[]{}|\\^", b) < 0
}

// ipv6 returns the length of an address that text begins with, 0 for none:
// groups of hexadecimal digits, eight of them or fewer with "::" once, and a
// digit at least.
func ipv6(text string) int {
	end, colons, pairs, digits, group := 0, 0, 0, 0, 0
	for ; end < len(text); end++ {
		b := lower(text[end])
		if b == ':' {
			if end > 0 && text[end-1] == ':' {
				pairs++
			}
			colons++
			group = 0
			continue
		}
		if !isDigit(b) && (b < 'a' || b > 'f') {
			break
		}
		if isDigit(b) {
			digits++
		}
		if group++; group > 4 {
			return 0
		}
	}
	if digits == 0 || pairs > 1 || pairs == 0 && colons != 7 || colons > 8 {
		return 0
	}
	after := end
	for after < len(text) && isMark[text[after]] {
		after++
	}
	// What becomes "::1<id>" would be an address when it is read again.
	if after < len(text) && (inWord[text[after]] || text[after] == '<') {
		return 0
	}
	return end
}

// ends says whether what is read up to end is followed by no more of a word,
// punctuation aside.
func ends(text string, end int) bool {
	for end < len(text) && isMark[text[end]] {
		end++
	}
	return end == len(text) || !inWord[text[end]]
}

// date returns the length of a date, a time, or both, that text begins with, in
// the forms of RFC 3339, RFC 5322, asctime and syslog; 0 for none.
func date(text string) int {
	d := dateReader{text: text}
	day := d.day()
	if day {
		d.commit()
		if d.text[d.at:] != "" && lower(d.text[d.at]) == 't' {
			d.at++
		} else {
			d.blanks()
		}
	}
	if d.clock() {
		d.commit()
		if d.blanks(); d.year() {
			d.commit()
		}
	}
	if d.end == 0 || !ends(text, d.end) {
		return 0
	}
	return d.end
}

// dateReader reads on at at; up to end it is a date.
type dateReader struct {
	text    string
	at, end int
}

// commit takes what is read for a date, if a word ends here.
func (d *dateReader) commit() {
	if ends(d.text, d.at) || d.at < len(d.text) && lower(d.text[d.at]) == 't' {
		d.end = d.at
	}
	d.at = max(d.at, d.end)
}

// day reads "2024-03-05", "Tue, 5 Mar 2024", "05-Mar-2024" and "Tue Mar 5".
func (d *dateReader) day() bool {
	start := d.at
	if d.name(weekdays) {
		d.byte(',')
		d.blanks()
	}
	from := d.at
	if d.number(4) && d.byte('-') && d.number(2) && d.byte('-') && d.number(2) {
		return true
	}
	d.at = from
	if (d.number(2) || d.number(1)) && d.gap() && d.name(months) && d.gap() && d.number(4) {
		return true
	}
	d.at = from
	if d.name(months) && d.blanks() && (d.number(2) || d.number(1)) {
		from = d.at
		d.byte(',')
		if d.blanks(); !d.year() {
			d.at = from
		}
		return true
	}
	d.at = start
	return false
}

// clock reads "10:11:12" with a fraction and a zone.
func (d *dateReader) clock() bool {
	start := d.at
	if whole := d.number(2) && d.byte(':') && d.number(2) && d.byte(':') && d.number(2); !whole {
		d.at = start
		return false
	}
	if from := d.at; d.byte('.') {
		digits := d.at
		for d.at < len(d.text) && isDigit(d.text[d.at]) {
			d.at++
		}
		if d.at == digits {
			d.at = from
		}
	}
	d.zone()
	return true
}

// zone reads "Z", "+01:00" and " +0100", " GMT" and " UTC".
func (d *dateReader) zone() {
	if d.byte('Z') || d.byte('z') {
		return
	}
	start := d.at
	d.blanks()
	if d.byte('+') || d.byte('-') {
		if d.number(4) || d.number(2) && d.byte(':') && d.number(2) {
			return
		}
	} else if d.name("GMTUTC") {
		return
	}
	d.at = start
}

func (d *dateReader) year() bool {
	start := d.at
	if d.number(4) && (d.text[start] == '1' || d.text[start] == '2') && ends(d.text, d.at) {
		return true
	}
	d.at = start
	return false
}

// number reads one of exactly so many digits.
func (d *dateReader) number(digits int) bool {
	end := d.at
	for end < len(d.text) && isDigit(d.text[end]) {
		end++
	}
	if end-d.at != digits {
		return false
	}
	d.at = end
	return true
}

func (d *dateReader) byte(b byte) bool {
	if d.at < len(d.text) && d.text[d.at] == b {
		d.at++
		return true
	}
	return false
}

func (d *dateReader) blanks() bool {
	start := d.at
	for d.at < len(d.text) && isBlank(d.text[d.at]) {
		d.at++
	}
	return d.at > start
}

// gap reads what stands between the parts of a date.
func (d *dateReader) gap() bool { return d.byte('-') || d.blanks() }

// name reads one of three letters out of names, and no more letters after it.
func (d *dateReader) name(names string) bool {
	if d.at+3 > len(d.text) || d.at+3 < len(d.text) && isLetter(lower(d.text[d.at+3])) {
		return false
	}
	for i := 0; i < len(names); i += 3 {
		if d.text[d.at:d.at+3] == names[i:i+3] {
			d.at += 3
			return true
		}
	}
	return false
}

const (
	weekdays = "MonTueWedThuFriSatSun"
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)
