package sqlstore

import (
	"strconv"
	"strings"
)

// conditions are what a statement asks of its rows. Values stand apart from the
// text, always.
type conditions struct {
	numbered bool // placeholders are PostgreSQL's
	texts    []string
	args     []any
}

// add asks for one thing more. Each ? in text stands for one of values.
func (c *conditions) add(text string, values ...any) {
	if c.numbered {
		text = c.number(text)
	}
	c.texts, c.args = append(c.texts, text), append(c.args, values...)
}

func (c *conditions) number(text string) string {
	var b strings.Builder
	n := len(c.args)
	for {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}

// placeholder adds a value and returns what stands for it.
func (c *conditions) placeholder(value any) string {
	c.args = append(c.args, value)
	if c.numbered {
		return "$" + strconv.Itoa(len(c.args))
	}
	return "?"
}

func (c *conditions) String() string { return strings.Join(c.texts, " AND ") }
