package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/kumotrail/kumotrail/adapters/rulebook"
	"github.com/kumotrail/kumotrail/domain"
)

// classifyCommand needs no settings and no store.
type classifyCommand struct {
	Text []string `arg:"" optional:"" help:"A response as in \"550 5.1.1 no such user\". Without one, responses are read from standard input, one a line."`
	JSON bool     `help:"One JSON object a response."`
}

func (c *classifyCommand) Run() error {
	return c.run(os.Stdin, os.Stdout)
}

func (c *classifyCommand) run(in io.Reader, out io.Writer) error {
	classifier, err := rulebook.Classifier()
	if err != nil {
		return err
	}
	switch text := strings.Join(c.Text, " "); {
	case strings.TrimSpace(text) != "":
		e := explain(classifier, text)
		if c.JSON {
			return e.writeJSON(out)
		}
		return e.write(out)
	case len(c.Text) > 0:
		return fmt.Errorf("the response is empty: give one as in kumotrail classify \"550 5.1.1 no such user\"")
	}
	return c.lines(classifier, in, out)
}

// longestResponse is what one line may have: RFC 5321 has 512 bytes a line of a
// reply, logs have several in one.
const longestResponse = 1 << 20

// lines explains a response a line, in a line.
func (c *classifyCommand) lines(classifier *domain.Classifier, in io.Reader, out io.Writer) error {
	buffered := bufio.NewWriter(out)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestResponse)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		e := explain(classifier, lines.Text())
		write := e.writeLine
		if c.JSON {
			write = e.writeJSON
		}
		if err := write(buffered); err != nil {
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read responses: %w", err)
	}
	return nil
}

// explanation is what is said of one response. What is not known is "".
type explanation struct {
	Cause      domain.Cause      `json:"cause"`
	Subcause   domain.Subcause   `json:"subcause"`
	Permanence domain.Permanence `json:"permanence"`
	Fault      domain.Fault      `json:"fault"`
	Provider   string            `json:"provider"` // whose wording it is
	Rule       string            `json:"rule"`
	Advice     string            `json:"advice"`
}

func explain(classifier *domain.Classifier, text string) explanation {
	answer := domain.ParseAnswer(text)
	v, rule := classifier.Explain(&answer)
	e := explanation{
		Cause: v.Cause, Subcause: v.Subcause, Permanence: v.Permanence, Fault: v.Fault, Rule: v.Rule,
		Advice: domain.UsualAdvice(v.Cause, v.Subcause),
	}
	if rule != nil {
		e.Provider, e.Advice = rule.Of, rule.Advice
	}
	return e
}

func (e *explanation) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(e)
}

func (e *explanation) write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [...][2]string{
		{"cause", e.cause()},
		{"permanence", string(e.Permanence)},
		{"fault", string(e.Fault)},
		{"provider", orNone(e.Provider)},
		{"rule", orNone(e.Rule)},
		{"advice", e.Advice},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	return table.Flush()
}

// writeLine writes columns with tabs between.
func (e *explanation) writeLine(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", e.cause(), e.Permanence, e.Fault, orNone(e.Provider), orNone(e.Rule))
	return err
}

// cause is the cause with the finer word in brackets.
func (e *explanation) cause() string {
	if e.Subcause == "" {
		return string(e.Cause)
	}
	return fmt.Sprintf("%s (%s)", e.Cause, e.Subcause)
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
