package kumomta

import "strings"

// array reads an array of records. Where an element is broken it goes on with
// the next one that is whole.
func (d *decoding) array() {
	start, first := d.pos, d.index
	for d.pos++; !d.ended; {
		for d.space(); d.peek() == ','; d.space() {
			d.pos++
		}
		switch {
		case d.pos >= len(d.text):
			if d.index == first {
				d.reject(start, len(d.text), d.fail(""))
			}
			return
		case d.peek() == ']':
			d.pos++
			if d.index == first {
				d.values++ // an empty array is whole JSON too
			}
			return
		default:
			d.element()
		}
	}
}

// element reads an element of an array. A broken one is rejected up to where the
// next can start.
func (d *decoding) element() {
	start := d.pos
	err := d.value()
	if err == nil {
		d.space()
		if c := d.peek(); c == ',' || c == ']' || c == '{' || d.pos >= len(d.text) {
			return
		}
		start, err = d.pos, d.fail("want a comma or the array's end")
	}
	end := d.elementEnd(start)
	d.pos = end
	d.reject(start, end, err)
}

// elementEnd finds the end of a broken element that starts at start:
// where its brackets match, else where a whole record follows, else
// where the array or the text ends.
func (d *decoding) elementEnd(start int) int {
	resume := nextRecord(d.text, start)
	if end := matchingEnd(d.text[:resume], start); end < resume {
		return end
	}
	if rest := strings.TrimRight(d.text, " \t\r\n"); resume == len(d.text) &&
		strings.HasSuffix(rest, "]") && len(rest)-1 > start {
		return len(rest) - 1
	}
	return resume
}

// nextRecord returns the first place behind from where, after a comma, a whole
// record stands; the text's end if there is none.
func nextRecord(text string, from int) int {
	for {
		i := strings.IndexByte(text[from:], ',')
		if i < 0 {
			return len(text)
		}
		from += i + 1
		s := scanner{text: text, pos: from}
		if s.space(); s.peek() != '{' {
			continue
		}
		at := s.pos
		var r record
		if fault, err := r.read(&s); err == nil && fault == nil && r.recordType != "" {
			return at
		}
	}
}

// matchingEnd returns the place of the comma or bracket behind the value at
// start by counting brackets outside strings, or the text's end.
func matchingEnd(text string, start int) int {
	depth, quoted := 0, false
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			quoted = c != '\n' // no string goes over a line's end
		case c == '{' || c == '[':
			depth++
		case depth <= 0 && (c == ',' || c == ']'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(text)
}
