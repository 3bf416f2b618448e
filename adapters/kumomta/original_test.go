package kumomta

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kumotrail/kumotrail/domain"
)

// referencesOf reads an original that a report brings.
func referencesOf(t testing.TB, original string) []domain.Reference {
	t.Helper()
	return reportOf(t, aFeedback(`{"original_message":`+quoted(original)+`}`)).References
}

func TestHeadersOfTheOriginalNameItsID(t *testing.T) {
	marked := traced(`{"_@_":"\\_/","recipient":"erin@example.org","x_msg_id":"` + idA + `"}`)
	received := []domain.Reference{ref(domain.TieReceived, idA, erin)}
	anonymous := []domain.Reference{ref(domain.TieReceived, idA, "")}
	byTrace := []domain.Reference{ref(domain.TieTrace, idA, erin)}
	byMessageID := []domain.Reference{ref(domain.TieMessageID, idA, "")}
	cases := []struct {
		name, original string
		want           []domain.Reference
	}{
		{"nothing", "", nil},
		{"no header", "\nReceived: " + isFromA + ";\n", nil},
		{"a listener's Received", "Received: " + isFromA + " for <erin@example.org>;\n  " + date + "\n\n", received},
		{"with CRLF", strings.ReplaceAll("Received: "+isFromA+" for <erin@example.org>;\n  "+date+"\n\n", "\n", "\r\n"), received},
		{"folded anew", "received:\n\t" + strings.Join(strings.Fields(isFromA+" for <erin@example.org>; "+date), "\n\t"), received},
		{"not folded", "RECEIVED : " + strings.ReplaceAll(isFromA, "\n", "") + " for <erin@example.org>; " + date, received},
		{"without recipient", "Received: " + isFromA + ";\n  " + date, anonymous},
		{"for several", "Received: " + isFromA + " for <erin@example.org>,<f@g.h>;\n  " + date, anonymous},
		{"for an open bracket", "Received: " + isFromA + " for <erin@exam", anonymous},
		{
			"over TLS", "Received: from service-8 (10.0.0.9)\n  by mta.example.com (KumoMTA 10.0.0.1)\n" +
				"  with ESMTPS (TLSv1_3:TLS13_AES_256_GCM_SHA384)  id " + idA + " for <erin@example.org>;\n  " + date, received,
		},
		{
			"by HTTP", "Received: from news.example.com (10.0.0.9)\n  by mta.example.com (KumoMTA)\n  with HTTP id " + idA +
				" for <erin@example.org>;\n  " + date, received,
		},
		{"of policy's own making", "Received: from a by b with ESMTP id " + idA + ";\n " + date, anonymous},
		{"with a client's word before", "Received: from id " + idB + " (KumoMTA\n with ESMTP id " + idA + " for <erin@example.org>; x", received},
		{"of another MTA", "Received: from a by b (Postfix) with ESMTPS id 4XyZ1230Vz9s\n\tfor <erin@example.org>; " + date, nil},
		{"of an MTA with as many digits", "Received: from a by b with ESMTP id " + noUUID + "; " + date, nil},
		{"id alone", "Received: " + idA, nil},
		{"id with dashes", "Received: by b with ESMTP id 2e8c4500-884d-11f1-9008-782d7e12e173; x", nil},
		{
			"KumoMTA's before others'", "Received: by b with ESMTP id " + idB + "; x\nReceived: " + isFromA + " for <erin@example.org>; x\n",
			[]domain.Reference{ref(domain.TieReceived, idA, erin), ref(domain.TieReceived, idB, "")},
		},
		{"a Message-ID that KumoMTA made", "Message-ID: <" + idA + "@news.example.com>\n", byMessageID},
		{"a folded Message-Id", "Message-Id:\n <" + idA + "@news.example.com>\n", byMessageID},
		{"a Message-ID of a null sender", "Message-ID: <" + idA + "@>\n", byMessageID},
		{"a Message-ID of others", "Message-ID: <" + noUUID + "@news.example.com>\nMessage-ID: <a" + idA + "@x>\n", nil},
		{"References", "References: <" + idA + "@news.example.com>\nIn-Reply-To: <" + idA + "@x>\n", nil},
		{"a trace", "X-KumoRef: " + marked + "\n", byTrace},
		{"a folded trace", "X-KumoRef: " + marked[:30] + "\r\n\t" + marked[30:60] + "\n \n  " + marked[60:] + "\n", byTrace},
		{"a trace without padding", "X-KumoRef: " + strings.TrimRight(marked, "="), byTrace},
		{"a trace by another name", "x-ours: " + marked, byTrace},
		{"a trace by a name that KumoMTA refuses", "KumoRef: " + marked, nil},
		{"a trace without mark", "X-KumoRef: " + traced(`{"recipient":"erin@example.org","x_msg_id":"`+idA+`"}`), nil},
		{"a trace with another mark", "X-KumoRef: " + traced(`{"_@_":"x","x_msg_id":"`+idA+`"}`), nil},
		{"a trace cut short", "X-KumoRef: " + marked[:len(marked)-8], nil},
		{"a trace and more", "X-KumoRef: " + traced(`{"_@_":"\\_/","x_msg_id":"`+idA+`"} x`), nil},
		{"a trace of lists", "X-KumoRef: " + traced(`[{"_@_":"\\_/","x_msg_id":"`+idA+`"}]`), nil},
		{"a trace in a trace", "X-KumoRef: " + traced(`{"_@_":"`+marked+`","x_msg_id":"`+marked+`"}`), nil},
		{"no base64", "X-KumoRef: eyJ\u00e4\nX-Other: ey", nil},

		{"in another header's text", "Subject: Received: " + strings.ReplaceAll(isFromA, "\n", "") + "; x\n", nil},
		{"in another header's fold", "Subject: x\n Received: " + isFromA + "; x\n\tMessage-ID: <" + idA + "@x>\n X-KumoRef: " + marked + "\n", nil},
		{"behind a bare CR", "Subject: x\rMessage-ID: <" + idA + "@x>\n", nil},
		{"in the body", "Subject: x\n\nMessage-ID: <" + idA + "@x>\n", nil},
		{"in the body with CRLF", "Subject: x\r\n\r\nMessage-ID: <" + idA + "@x>\n", nil},
		{"behind a line that is no field", "Subject: x\nno field\nMessage-ID: <" + idA + "@x>\n", nil},
		{"behind a name with blanks", "Dear all: x\nMessage-ID: <" + idA + "@x>\n", nil},
		{"in a fold of nothing", " Message-ID: <" + idA + "@x>\n", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			same(t, referencesOf(t, c.original), c.want)
			same(t, referencesOf(t, c.original+"\n"), c.want)
		})
	}
}

// bytesOf spells a text as KumoMTA 2026.04.09 and 2026.05.12 do.
func bytesOf(text string) string {
	list := make([]string, len(text))
	for i := range len(text) {
		list[i] = strconv.Itoa(int(text[i]))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func TestOriginalsMayBeSpelledAsBytes(t *testing.T) {
	header := "Received: " + isFromA + " for <erin@example.org>;\n  " + date + "\n"
	for name, list := range map[string]string{
		"bytes":         bytesOf(header + "\nHello"),
		"not UTF-8":     bytesOf("Subject: \xff\x00\xc3\n" + header),
		"what are none": "[null,-1,256,1e9,{},[82]," + bytesOf(header)[1:],
		"megabytes":     bytesOf(header + "Subject: " + strings.Repeat("\xff", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			got := reportOf(t, aFeedback(`{"original_message":`+list+`}`)).References
			same(t, got, []domain.Reference{ref(domain.TieReceived, idA, erin)})
		})
	}
	same(t, reportOf(t, aFeedback(`{"original_message":[`+quoted(header)+`]}`)), domain.Report{})
}

// The kept record is read again when its event is announced after a restart.
func TestAReportSaysTheSameWhenItsCutRecordIsReadBack(t *testing.T) {
	marked := traced(`{"_@_":"\\_/","recipient":"erin@example.org","x_msg_id":"` + idA + `"}`)
	needle := "Received: " + isFromA + " for <erin@example.org>;\n  " + date + "\nX-KumoRef: " + marked + "\nMessage-ID: <" + idB + "@x.y>\n"
	spell := map[string]func(string) string{"text": quoted, "bytes": bytesOf}
	for at := maxText - len(needle) - 40; at < maxText+20; at += 41 {
		original := "Subject: " + strings.Repeat("ä", (at-len("Subject: \n"))/2) + "\n" + needle + "\n" + strings.Repeat("body\n", 1<<12)
		for name, as := range spell {
			e := one(t, aFeedback(`{"original_message":`+as(original)+`}`))
			again := one(t, e.Raw)
			if name == "text" && len(e.Raw) >= len(original) {
				t.Fatalf("%d bytes kept", len(e.Raw))
			}
			same(t, again.Report, e.Report)
		}
	}
}

// hostileOriginals make a reader of headers slow, or have it name too much.
func hostileOriginals(size int) map[string]string {
	all := map[string]string{}
	for _, unit := range []string{
		"Received: " + isFromA + " for <erin@example.org>; x\n", "Received: by b with id " + idA + "\n", "Message-ID: <" + idA + "@x>\n",
		"X-A: eyJfQF8i\n", "X-A: ey\n ", "X-A:\n", "Received: id id ", "(KumoMTA ", "a:", ":", "\n", "\n ", " ", "\t\n", "\r", "id ", "for <", "ey",
		"X-KumoRef: " + traced(`{"_@_":"\\_/","recipient":[`+strings.Repeat(`"a@b.c",`, 50)+`"x"],"x_msg_id":"x"}`) + "\n", "\u00e4", `{"_@_":`,
	} {
		for _, start := range []string{"", "Received: ", "X-A: ", "Subject: x\n "} {
			all[fmt.Sprintf("%q... %.20q", start, unit)] = start + strings.Repeat(unit, size/len(unit))
		}
	}
	var ids strings.Builder
	for i := range size / 90 {
		fmt.Fprintf(&ids, "Received: by b with ESMTP id %08x884d11f19008782d7e12e173 for <%d@b.c>; x\n", i, i)
	}
	all["many ids"] = ids.String()
	nested := `{"_@_":"\\_/","x_msg_id":"x"}`
	for len(nested) < size {
		nested = traced(nested)
	}
	all["base64 in base64"] = "X-KumoRef: " + nested
	all["deep JSON"] = "X-KumoRef: " + traced(`{"_@_":`+strings.Repeat("[", size/2))
	return all
}

func TestHostileOriginalsNameABoundedNumberOfThings(t *testing.T) {
	for name, original := range hostileOriginals(1 << 19) {
		t.Run(name, func(t *testing.T) {
			e := one(t, aFeedback(`{"original_message":`+quoted(original)+`}`))
			if n := len(e.Report.References); n > maxReferences {
				t.Errorf("%d references", n)
			}
			same(t, one(t, e.Raw).Report, e.Report)
		})
	}
}

func TestMemoryForAnOriginalIsAFewTimesItsSize(t *testing.T) {
	for name, original := range hostileOriginals(maxText) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		readOriginal(original)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 20*maxText {
			t.Errorf("%s: %d KB allocated for %d KB", name, spent>>10, len(original)>>10)
		}
	}
}

func FuzzOriginal(f *testing.F) {
	for _, original := range hostileOriginals(1 << 10) {
		f.Add(original)
	}
	f.Add("Received: " + isFromA + " for <erin@example.org>;\r\n  " + date + "\r\n\r\n")
	f.Add("Subject: \xff\x00\nMessage-ID: <" + idA + "@x>\n")
	f.Fuzz(func(t *testing.T, original string) {
		fields, end := 0, 0
		for rest := original; ; fields++ {
			name, value, next := headerField(rest)
			if name == "" {
				break
			}
			if read := len(rest) - len(next); read <= len(name)+len(value) || !strings.HasSuffix(original, next) {
				t.Fatalf("a field of %d bytes from %d", len(name)+len(value), read)
			}
			rest = next
			end = len(original) - len(rest)
		}
		if header := original[:end]; strings.Contains(header, "\n\n") || strings.Contains(header, "\n\r\n") {
			t.Errorf("%q goes beyond the header", header)
		}
		o := readOriginal(original)
		if n := len(o.traces) + len(o.received) + len(o.receivedElsewhere) + len(o.messageIDs); n > fields {
			t.Errorf("%d ids of %d fields", n, fields)
		}
		for _, list := range []string{quoted(original), bytesOf(original)} {
			e := one(t, aFeedback(`{"original_message":`+list+`}`))
			checkReport(t, e.Report)
			same(t, one(t, e.Raw).Report, e.Report)
		}
	})
}

// checkReport holds a report against what all texts of an event are.
func checkReport(t *testing.T, r *domain.Report) {
	if r == nil {
		return
	}
	texts := slices.Concat(r.Recipients, []string{r.FeedbackType, r.MailFrom, r.Host})
	for _, ref := range r.References {
		texts = append(texts, ref.MessageID, ref.Recipient)
		if ref.MessageID == "" {
			t.Error("a reference to nothing")
		}
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || len(s) > maxName {
			t.Errorf("a report says %q", s)
		}
	}
	if len(r.References) > maxReferences || len(r.Recipients) > maxReported {
		t.Errorf("%d references, %d recipients", len(r.References), len(r.Recipients))
	}
}
