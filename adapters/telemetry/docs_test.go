package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// row is a line of the table in docs/metrics.md.
type row struct{ Kind, Labels, Meaning string }

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func documented(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	line := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ([^|]*?) ?\\| (.+) \\|$")
	for _, m := range line.FindAllStringSubmatch(document(t), -1) {
		labels := strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(labels)
		rows[m[1]] = row{m[2], strings.Join(labels, " "), m[4]}
	}
	return rows
}

// exposed returns what is answered when everything has happened once.
func exposed(t *testing.T) map[string]row {
	t.Helper()
	m := telemetry.New(build())
	m.WatchBudget(application.NewBudget(1))
	m.WatchStore(&patient{read: func(context.Context) (ports.Vitals, error) { return healthy(time.Now()), nil }})
	m.Observe("/", "GET", 200, 1, time.Second)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	rows := map[string]row{}
	help := regexp.MustCompile(`(?m)^# HELP (kumotrail_\w+) (.*)\n# TYPE \w+ (\w+)\n\w+(?:\{(.*?)\})? `)
	label := regexp.MustCompile(`(\w+)="`)
	for _, found := range help.FindAllStringSubmatch(w.Body.String(), -1) {
		var labels []string
		for _, l := range label.FindAllStringSubmatch(found[4], -1) {
			if l[1] != "le" {
				labels = append(labels, l[1])
			}
		}
		slices.Sort(labels)
		rows[found[1]] = row{found[3], strings.Join(labels, " "), found[2]}
	}
	return rows
}

func TestDocumentedMetricsAreThoseExposed(t *testing.T) {
	got := exposed(t)
	if len(got) < 20 {
		t.Fatalf("%d metrics are exposed", len(got))
	}
	if diff := cmp.Diff(documented(t), got); diff != "" {
		t.Errorf("docs/metrics.md and what is exposed: -documented +exposed\n%s", diff)
	}
}

func TestEveryMetricNamedInDocumentExists(t *testing.T) {
	got, named := exposed(t), regexp.MustCompile(`\bkumotrail_\w+`).FindAllString(document(t), -1)
	if len(named) < len(got) {
		t.Fatalf("%d names in the document, %d metrics", len(named), len(got))
	}
	for _, name := range named {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is in the document, but is no metric", name)
		}
	}
}
