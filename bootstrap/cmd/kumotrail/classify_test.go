package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func classify(t *testing.T, c classifyCommand, in string) string {
	t.Helper()
	var out strings.Builder
	if err := c.run(strings.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestClassifyExplainsAResponse(t *testing.T) {
	got := classify(t, classifyCommand{Text: []string{"550", "5.1.1", "no", "such", "user"}}, "")
	for _, want := range []string{"cause       recipient (unknown)\n", "permanence  permanent\n", "fault       recipient\n", "rule ", "advice "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestClassifyAnswersInJSONWithEveryField(t *testing.T) {
	got := classify(t, classifyCommand{Text: []string{"554 5.7.1 Service unavailable; client host [192.0.2.1] blocked using zen.spamhaus.org"}, JSON: true}, "")
	var fields map[string]string
	if err := json.Unmarshal([]byte(got), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cause", "subcause", "permanence", "fault", "provider", "rule", "advice"} {
		if fields[name] == "" {
			t.Errorf("%s is empty in %s", name, got)
		}
	}
	if len(fields) != 7 || fields["cause"] != "sender" || fields["subcause"] != "blocklist" {
		t.Errorf("got %s", got)
	}
}

func TestClassifyReadsAResponseALine(t *testing.T) {
	got := classify(t, classifyCommand{}, "550 5.1.1 no such user\n\n452 4.2.2 mailbox full\r\n\xff\x00\n")
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "recipient (unknown)\tpermanent\t") ||
		!strings.HasPrefix(lines[1], "recipient (full)\ttemporary\t") || !strings.HasPrefix(lines[2], "unknown\t") {
		t.Errorf("got %q", lines)
	}
	got = classify(t, classifyCommand{JSON: true}, "550 5.1.1 no such user\n550 5.1.1 no such user\n")
	if strings.Count(got, "\n") != 2 || !strings.HasPrefix(got, `{"cause":"recipient"`) {
		t.Errorf("got %q", got)
	}
}

func TestClassifyRefusesAnEmptyResponse(t *testing.T) {
	c := classifyCommand{Text: []string{"  "}}
	if err := c.run(strings.NewReader(""), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "kumotrail classify") {
		t.Errorf("got %v", err)
	}
}
