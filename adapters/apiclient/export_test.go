package apiclient_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
)

func TestExportsAreTheLogsOfTheList(t *testing.T) {
	s := startService(t)
	s.mustPost(t, 7)
	f := apiclient.LogFilter{Tenant: "acme"}
	want := all(t, s.Logs(t.Context(), f))
	if diff := cmp.Diff(want, all(t, s.Export(t.Context(), f))); diff != "" {
		t.Errorf("-list +export\n%s", diff)
	}
	for _, err := range s.Export(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		break // leaves the rest
	}
	checkProblem(t, lastError(s.Export(t.Context(), apiclient.LogFilter{})), http.StatusBadRequest)
}

func TestACutExportIsAnError(t *testing.T) {
	const line = `{"id":"1"}` + "\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, line+r.URL.Query().Get("tenant"))
		_ = http.NewResponseController(w).Flush()
		if r.URL.Query().Get("campaign") == "" {
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	c := newClient(t, server.URL, apiclient.Options{})
	for name, f := range map[string]apiclient.LogFilter{
		"connection broken between lines": {},
		"connection broken within a line": {Tenant: `{"id":`},
		"whole answer, but no whole line": {Tenant: `{"id":"2"}`, Campaign: "whole"},
	} {
		lines, last := 0, error(nil)
		for _, err := range c.Export(t.Context(), f) {
			if last = err; err == nil {
				lines++
			}
		}
		if lines != 1 || !errors.Is(last, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %d lines, then %v", name, lines, last)
		}
	}
	got := all(t, c.ExportLines(t.Context(), apiclient.LogFilter{Tenant: line, Campaign: "whole"}))
	if len(got) != 2 {
		t.Errorf("%d lines of a whole answer", len(got))
	}
	s := &script{t: t, answers: []answer{{status: 200, kind: "application/x-ndjson", body: "{}\nno JSON\n{}\n"}}}
	if err := lastError(s.client(apiclient.Retry{}).Export(t.Context(), apiclient.LogFilter{})); err == nil {
		t.Error("a line that is no JSON is passed over")
	}
}

// However long lines are, they come as they were sent.
func TestLinesComeAsTheyAreSent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var want []string
		for range rapid.IntRange(0, 5).Draw(r, "lines") {
			length := rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(65530, 65540), rapid.IntRange(131060, 200000)).Draw(r, "length")
			want = append(want, strings.Repeat("x", length))
		}
		s := &script{t: t, answers: []answer{{status: 200, body: strings.Join(append(want, ""), "\n")}}}
		var got []string
		for line, err := range s.client(apiclient.Retry{}).ExportLines(t.Context(), apiclient.LogFilter{}) {
			if err != nil {
				r.Fatal(err)
			}
			got = append(got, string(line))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Errorf("-want +got\n%.500s", diff)
		}
	})
}
