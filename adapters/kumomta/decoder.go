package kumomta

import (
	"iter"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Bounds of what is held at once, and of what one body may put into quarantine
// entry by entry.
const (
	batchEvents   = 1000
	batchBytes    = 4 << 20
	maxRejects    = 1000
	maxRecipients = 10000
)

// Decoder reads webhook bodies and log files: one record, arrays of records, or
// one record a line, told apart by their content. It has no state; the zero
// value is ready and has nothing interpreted. Safe for concurrent use.
//
// A record that is broken or lacks what tells records apart becomes a Reject.
// Reading goes on behind it: at the next line, or before that where a whole
// record starts; in an array where its brackets match, or where a whole record
// starts. The rest of a body is one Reject after 1,000 others, or when more than
// twice its size was read in vain.
type Decoder struct{ interpreter *domain.Interpreter }

var _ ports.RecordDecoder = Decoder{}

// NewDecoder returns a decoder that has every event interpreted.
func NewDecoder(interpreter *domain.Interpreter) Decoder { return Decoder{interpreter} }

// Decode implements ports.RecordDecoder. A text without one complete JSON value
// is a single Reject.
func (of Decoder) Decode(text string) iter.Seq[ports.Batch] {
	return func(yield func(ports.Batch) bool) {
		d := decoding{scanner: scanner{text: text}, yield: yield, interpreter: of.interpreter}
		d.pos = len(text) - len(strings.TrimPrefix(text, "\uFEFF"))
		d.body()
		d.finish()
	}
}

// finish yields what is left. A text without any JSON is one reject, not as many
// as it has lines.
func (d *decoding) finish() {
	if !d.whole && d.values == 0 && len(d.batch.Rejects) > 0 {
		why := d.batch.Rejects[0].Reason
		d.batch = ports.Batch{Records: 1, Rejects: []domain.Reject{{Reason: why, Raw: redactReject(d.text)}}}
	}
	if d.batch.Records > 0 || d.values > 0 {
		d.flush()
	}
}

// decoding is one body being read.
type decoding struct {
	scanner
	interpreter *domain.Interpreter
	yield       func(ports.Batch) bool
	ended       bool // nobody wants more, or the rest was rejected

	batch   ports.Batch
	from    int  // where the batch began
	index   int  // of the next record
	values  int  // whole JSON values since then
	whole   bool // there were whole values before
	rejects int  // in all

	next   int // no whole record starts before it, as far as was searched
	wasted int // bytes read in vain

	record  record
	scratch []byte // for identities
}

func (d *decoding) body() {
	for !d.ended {
		d.space()
		if d.index > 0 {
			d.separators()
		}
		if d.pos >= len(d.text) {
			return
		}
		switch start := d.pos; d.peek() {
		case '[':
			d.array()
		case '{':
			if err := d.value(); err != nil {
				d.rejectUpTo(start, d.lineEnd(start), err)
			}
		default:
			d.junk()
		}
	}
}

// separators passes over what may stand between values.
func (d *decoding) separators() {
	for d.space(); d.peek() == ','; d.space() {
		d.pos++
	}
}

// junk takes what starts like no record: a value of another kind that has a line
// of its own, or lines up to one that starts like JSON.
func (d *decoding) junk() {
	start := d.pos
	d.depth = 0
	err := d.scanner.value()
	if end := d.lineEnd(d.pos); err == nil && strings.TrimSpace(d.text[d.pos:end]) == "" {
		d.values++
		d.reject(start, d.pos, errNoObject)
		return
	}
	if err == nil {
		err = d.fail("want a record")
	}
	for d.pos = start; d.pos < len(d.text) && d.peek() != '{' && d.peek() != '['; d.space() {
		d.pos = d.lineEnd(d.pos)
	}
	d.rejectUpTo(start, d.pos, err)
}

// rejectUpTo rejects text[start:end], or less if a whole record follows in it,
// and goes on behind.
func (d *decoding) rejectUpTo(start, end int, why error) {
	if resume := d.findRecord(start+1, end); resume < end {
		end = resume
	}
	d.pos = end
	d.reject(start, end, why)
}

// lineEnd returns the place of the next line feed, or the text's end.
func (d *decoding) lineEnd(from int) int {
	if i := strings.IndexByte(d.text[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(d.text)
}

// value reads the value at pos. A whole value that is no record is rejected
// here; an error means that it is not JSON, and pos is at the fault.
func (d *decoding) value() error {
	start := d.pos
	d.depth = 0
	fault, err := d.record.read(&d.scanner)
	if err != nil {
		d.wasted += d.pos - start
		return err
	}
	d.values++
	raw := d.text[start:d.pos]
	if fault == nil {
		fault = d.take(raw)
	}
	if fault != nil {
		d.reject(start, d.pos, fault)
	}
	return nil
}

// take makes events of the record just read.
func (d *decoding) take(raw string) error {
	kept, id, err := d.record.settle(raw, &d.scratch)
	if err != nil {
		return err
	}
	if d.batch.Events == nil {
		left := len(d.text) - d.pos
		d.batch.Events = make([]domain.EmailEvent, 0, min(batchEvents, left/max(len(raw)*3/4, 1)+1))
	}
	known := len(d.batch.Events)
	d.batch.Events = d.record.appendEvents(d.batch.Events, &id, kept)
	d.interpret(d.batch.Events[known:])
	d.counted()
	return nil
}

func (d *decoding) interpret(events []domain.EmailEvent) {
	if d.interpreter == nil {
		return
	}
	for i := range events {
		d.interpreter.Interpret(&events[i])
	}
}

// reject puts text[start:end] into quarantine.
func (d *decoding) reject(start, end int, why error) {
	reason := why.Error()
	d.rejects++
	switch {
	case d.rejects > maxRejects:
		d.ended, end = true, len(d.text)
		reason = "the rest of a body after 1000 other rejects: " + reason
	case d.wasted > d.patience():
		d.ended, end = true, len(d.text)
		reason = "the rest of a body that is broken all over: " + reason
	}
	raw := strings.Trim(d.text[start:end], ", \t\r\n")
	if raw == "" {
		raw = d.text[start:end]
	}
	d.batch.Rejects = append(d.batch.Rejects, domain.Reject{Index: d.index, Reason: reason, Raw: redactReject(raw)})
	d.counted()
}

// patience is how many bytes may be read in vain. A broken record is read about
// twice; of a body made for it each open bracket has the rest read once more.
func (d *decoding) patience() int { return 2*len(d.text) + 1<<16 }

func (d *decoding) counted() {
	d.index++
	d.batch.Records++
	if (d.whole || d.values > 0) && (len(d.batch.Events) >= batchEvents || d.pos-d.from >= batchBytes) {
		d.flush()
	}
}

func (d *decoding) flush() {
	d.batch.Values = d.values
	if !d.yield(d.batch) {
		d.ended, d.yield = true, func(ports.Batch) bool { return false }
	}
	d.batch, d.from = ports.Batch{}, d.pos
	d.values, d.whole = 0, d.whole || d.values > 0
}
