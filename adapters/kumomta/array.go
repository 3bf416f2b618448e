package kumomta

import "strings"

// array reads an array of records. Where an element is broken it goes on with
// the next one that is whole.
func (d *decoding) array() {
	start, first := d.pos, d.index
	for d.pos++; !d.ended; {
		d.separators()
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
	if d.next <= start {
		d.next = d.findRecord(start+1, len(d.text))
	}
	if end := matchingEnd(d.text[:d.next], start); end < len(d.text) {
		return end
	}
	if rest := strings.TrimRight(d.text, " \t\r\n"); strings.HasSuffix(rest, "]") && len(rest)-1 > start {
		return len(rest) - 1
	}
	return len(d.text)
}

// findRecord returns the first place in text[from:to] where a whole record
// starts that is no field of another; to if there is none.
func (d *decoding) findRecord(from, to int) int {
	s := scanner{text: d.text[:to]}
	for d.wasted <= d.patience() {
		i := strings.IndexByte(s.text[from:], '{')
		if i < 0 {
			break
		}
		at := from + i
		from = at + 1
		before := strings.TrimRight(s.text[max(at-8, 0):at], " \t\r\n") // few writers put more blanks
		s.pos, s.depth = from, 0
		if s.space(); s.peek() != '"' || strings.HasSuffix(before, ":") {
			continue
		}
		s.pos = at
		if fault, err := d.record.read(&s); fault == nil && err == nil && d.record.check() == nil {
			return at
		}
		d.wasted += s.pos - at
	}
	return to
}

// matchingEnd returns the place of the comma or bracket behind the value at
// start by counting brackets outside strings, or the text's end. Of an object it
// counts braces alone, so that a bracket too many in it does not end it.
func matchingEnd(text string, start int) int {
	depth, quoted, brackets := 0, false, text[start] != '{'
	for i := start; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			quoted = c != '\n' // no string goes over a line's end
		case c == '{' || c == '[' && brackets:
			depth++
		case depth <= 0 && (c == ',' || c == ']'):
			return i
		case c == '}' || c == ']' && brackets:
			depth--
		}
	}
	return len(text)
}
