package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// anyLog draws a log of texts, known or not.
func anyLog(t *rapid.T) domain.EmailLog {
	text := func(name string) string {
		return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"", "a", `"\/`, "\u2028\u2029", "\x00\x1f\x7f", "\b\f\n\r\t", "<&>", "a\xffb\xed\xa0\x80", "ü€😀", "=1+1", "-", "＝1＋1", "－", "＠a", "a,b", `a"b`, " a ", "\r",
		})).Draw(t, name)
	}
	when := func(name string) time.Time {
		us := rapid.Int64Range(-1<<55, 1<<55).Draw(t, name)
		if us%3 == 0 {
			return time.Time{}
		}
		return time.UnixMicro(us).UTC()
	}
	l := domain.EmailLog{
		MessageID: text("message"), Recipient: text("recipient"), Sender: text("sender"), Tenant: text("tenant"),
		Campaign: text("campaign"), ApplicationID: text("application"), Provider: text("provider"), EgressSource: text("source"),
		PriorID: text("prior"), NextID: text("next"), OfReport: rapid.Bool().Draw(t, "of report"),
		Size: rapid.Int64().Draw(t, "size"), Attempts: rapid.Int().Draw(t, "attempts"),
		AcceptedAt: when("accepted"), DeliveredAt: when("delivered"), FailedAt: when("failed"), ComplainedAt: when("complained"),
		Decision: domain.Decision{
			Status: domain.Status(rapid.IntRange(0, 7).Draw(t, "status")), Code: rapid.IntRange(0, 599).Draw(t, "code"),
			Enhanced: domain.EnhancedCode{Class: rapid.IntRange(0, 5).Draw(t, "class")}, Response: text("response"),
			ResponseHash: rapid.Uint64().Draw(t, "hash"), Confidence: domain.Confidence(text("confidence")),
			Verdict: domain.Verdict{
				Cause: domain.Cause(text("cause")), Subcause: domain.Subcause(text("subcause")), Rule: text("rule"),
				Permanence: domain.Permanence(text("permanence")), Fault: domain.Fault(text("fault")),
			},
		},
	}
	copy(l.Key[:], text("key"))
	return l
}

// TestExportedLineIsWhatTheStandardLibraryWrites is a law: one shape of a log in
// every answer.
func TestExportedLineIsWhatTheStandardLibraryWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyLog(t)
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(newLogLine(&l)); err != nil {
			t.Fatal(err)
		}
		if got := string(appendJSONLine(nil, &l)); got != want.String() {
			t.Fatalf("got  %s\nwant %s", got, want.String())
		}
	})
}

// TestExportedRowIsReadBackButForFormulas is a law of the CSV form.
func TestExportedRowIsReadBackButForFormulas(t *testing.T) {
	columns := strings.Split(strings.TrimSuffix(logColumns, "\n"), ",")
	rapid.Check(t, func(t *rapid.T) {
		l := anyLog(t)
		rows, err := csv.NewReader(bytes.NewReader(append([]byte(logColumns), appendCSVLine(nil, &l)...))).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(columns) {
			t.Fatalf("%d rows: %v", len(rows), err)
		}
		for i, want := range map[int]string{1: l.MessageID, 3: l.Recipient, 13: l.Decision.Response, 19: l.Tenant, 22: l.EgressSource} {
			for _, sign := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
				if strings.HasPrefix(want, sign) {
					want = "'" + want
					break
				}
			}
			// The reader makes one line end of two.
			if got := rows[1][i]; got != strings.ReplaceAll(want, "\r\n", "\n") {
				t.Fatalf("%s: got %q, want %q", columns[i], got, want)
			}
		}
	})
}

func BenchmarkExportLine(b *testing.B) {
	l := domain.Fold([]domain.EmailEvent{exampleBounce()})[0]
	for name, f := range forms {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var line []byte
			for b.Loop() {
				line = f.appendLine(line[:0], &l)
			}
		})
	}
}
