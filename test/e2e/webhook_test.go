package e2e

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/records"
)

// nothing is what the service has before anything was posted.
func checkNothingStored(t *testing.T, s *Service) {
	t.Helper()
	if stats, entries := s.Stats(), s.Quarantine(); len(stats)+len(entries) > 0 {
		t.Errorf("stored %v, in quarantine %v, want nothing", stats, entries)
	}
}

// checkProblem holds an answer against RFC 9457 and the contract.
func checkProblem(t *testing.T, r receipt, code int) {
	t.Helper()
	if r.code != code || r.header.Get("Content-Type") != "application/problem+json" ||
		r.Title != http.StatusText(code) || !strings.HasSuffix(r.Detail, ".") {
		t.Errorf("answer %d %v %s, want a problem with %d", r.code, r.header, r.body, code)
	}
	if r.header.Get("Location") != "" {
		t.Errorf("answer %d has a Location", r.code)
	}
}

func TestWebhookCountsRecords(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(1, acceptance, time.Second).Lines(6)
	for _, step := range []struct {
		name, body string
		want       counts
	}{
		{"no record", "", counts{}},
		{"white space", " \r\n", counts{}},
		{"an empty array", "[]", counts{}},
		{"an empty array and a newline", " [ ] \n", counts{}},
		{"new records", records.Array(made[:4]), counts{Received: 4, Stored: 4}},
		{"the same once more", strings.Join(made[:4], "\n"), counts{Received: 4, Duplicates: 4}},
		{"known and new ones", records.Array(made), counts{Received: 6, Stored: 2, Duplicates: 4}},
		{"a record twice", made[0] + "\n" + made[0], counts{Received: 2, Duplicates: 2}},
		{"a bad one among known ones", records.Array([]string{made[0], `{"type":7}`, made[1]}),
			counts{Received: 3, Duplicates: 2, Quarantined: 1}},
	} {
		r := s.Post(step.body)
		if r.code != http.StatusOK || r.counts() != step.want {
			t.Errorf("%s: %d %s, want %+v", step.name, r.code, r.body, step.want)
		}
		if r.header.Get("Content-Length") != strconv.Itoa(len(r.body)) || len(r.body) > 4096 {
			t.Errorf("%s: Content-Length %q of a body of %d bytes", step.name, r.header.Get("Content-Length"), len(r.body))
		}
		for _, field := range []string{"received", "stored", "duplicates", "expired", "quarantined", "quarantine"} {
			if _, there := parseObject(t, r.body)[field]; !there {
				t.Errorf("%s: no %s in %s", step.name, field, r.body)
			}
		}
		if r.Processed != nil || r.Errors != nil {
			t.Errorf("%s: %s has the fields of the v1 alias", step.name, r.body)
		}
	}
	checkWholly(t, s, parseRecords(t, made))
}

func TestWebhookNamesAtMost20BadRecords(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(1, acceptance, time.Second).Lines(30)
	var body []string
	for i, line := range made {
		body = append(body, line, `{"type":`+strconv.Itoa(i)+`}`)
	}
	r := s.Post(strings.Join(body, "\n"))
	if want := (counts{Received: 60, Stored: 30, Quarantined: 30}); r.code != http.StatusOK || r.counts() != want {
		t.Fatalf("answer %d %s, want %+v", r.code, r.body, want)
	}
	if len(r.Quarantine) != 20 {
		t.Errorf("%d bad records named, want 20", len(r.Quarantine))
	}
	for i, n := range r.Quarantine {
		if n.Index != 2*i+1 || n.Reason == "" || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(n.ID) {
			t.Errorf("bad record %d is named as %+v", i, n)
		}
	}
	if n := len(s.Quarantine()); n != 30 {
		t.Errorf("%d entries in quarantine, want 30", n)
	}
}

// 90 days are kept by default.
func TestRecordsOfOldDaysAreCountedAndNotKept(t *testing.T) {
	t.Parallel()
	s := startService(t, "RETENTION_DAYS")
	old := records.NewMaker(1, time.Date(2021, 5, 1, 9, 0, 0, 0, time.UTC), time.Second).Lines(7)
	today := records.NewMaker(2, time.Now().Add(-time.Hour), time.Second).Lines(5)
	body := strings.Join(old, "\n") + "\n" + strings.Join(today, "\n")
	if r := s.Post(body); r.counts() != (counts{Received: 12, Stored: 5, Expired: 7}) {
		t.Errorf("answer %d %s", r.code, r.body)
	}
	if r := s.Post(body); r.counts() != (counts{Received: 12, Duplicates: 5, Expired: 7}) {
		t.Errorf("answer %d %s to the same once more", r.code, r.body)
	}
	checkWholly(t, s, parseRecords(t, today))
}

func TestAliasesTakeTheSame(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(1, acceptance, time.Second).Lines(4)
	body := strings.Join(made, "\n") + "\n{}"
	if r := s.PostTo(alias, strings.NewReader(body)); r.code != http.StatusOK || r.Stored != 4 || r.Processed != nil {
		t.Errorf("%s: %d %s", alias, r.code, r.body)
	}
	r := s.PostTo(v1Alias, strings.NewReader(body))
	want := counts{Received: 5, Duplicates: 4, Quarantined: 1}
	if r.code != http.StatusOK || r.counts() != want || r.Processed == nil || r.Errors == nil {
		t.Fatalf("%s: %d %s, want %+v, processed and errors", v1Alias, r.code, r.body, want)
	}
	if *r.Processed != 4 || *r.Errors != 1 {
		t.Errorf("%d processed, %d errors, want 4 and 1", *r.Processed, *r.Errors)
	}
	checkProblem(t, s.PostTo(v1Alias, strings.NewReader(body), "X-Kumomta-Key", "wrong"), http.StatusUnauthorized)
}

// The bodies never come; an answer that waited for them would never come either.
func TestWithoutTheKeyTheBodyStaysUnreadAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	s := startService(t, "X_KUMOMTA_KEY=first-of-the-keys,second-of-the-keys")
	for name, header := range map[string]string{
		"no key": "X-Other: 1", "an empty key": "x-kumomta-key:", "the key of development": "x-kumomta-key: reloop",
		"a wrong key": "x-kumomta-key: first-of-the-key", "both keys in one": "x-kumomta-key: first-of-the-keys,second-of-the-keys",
		"a key as bearer": "Authorization: Bearer first-of-the-keys",
	} {
		for _, path := range []string{webhook, alias, v1Alias} {
			for _, body := range []string{length(1 << 40), "Transfer-Encoding: chunked", length(100) + "\r\nExpect: 100-continue"} {
				w := s.Dial("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n" + body + "\r\n\r\n")
				r := w.Answer()
				checkProblem(t, r, http.StatusUnauthorized)
				if t.Failed() {
					t.Fatalf("%s, %s, %s", name, path, body)
				}
			}
		}
	}
	checkNothingStored(t, s)
	for _, key := range []string{"first-of-the-keys", "second-of-the-keys"} {
		if r := s.Post("[]", "X-Kumomta-Key", key); r.code != http.StatusOK {
			t.Errorf("answer %d to one of the keys", r.code)
		}
	}
}

func TestOtherMethodsPathsAndEncodingsAreProblems(t *testing.T) {
	t.Parallel()
	s := startService(t)
	record := records.NewMaker(1, acceptance, time.Second).Lines(1)[0]
	ask := func(method, path string, headers ...string) receipt {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL(path), strings.NewReader(record))
		if err != nil {
			t.Fatal(err)
		}
		setHeaders(req, append([]string{"X-Kumomta-Key", "reloop"}, headers...))
		resp, err := plainClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r, err := readReceipt(resp)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, path := range []string{webhook, alias, v1Alias} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			r := ask(method, path)
			checkProblem(t, r, http.StatusMethodNotAllowed)
			if r.header.Get("Allow") != "POST" {
				t.Errorf("%s %s: Allow %q", method, path, r.header.Get("Allow"))
			}
		}
		for _, bent := range []string{path + "/", "/" + path, strings.ReplaceAll(path, "/", "//"), strings.ToUpper(path), "/." + path} {
			checkProblem(t, ask("POST", bent), http.StatusNotFound)
		}
		for _, encoding := range []string{"br", "deflate", "compress", "gzip, gzip", "gzip;q=1"} {
			checkProblem(t, ask("POST", path, "Content-Encoding", encoding), http.StatusUnsupportedMediaType)
		}
	}
	checkProblem(t, ask("GET", "/nothing/here"), http.StatusNotFound)
	checkProblem(t, ask("POST", "/healthz"), http.StatusMethodNotAllowed)
	checkNothingStored(t, s)
	if r := ask("POST", webhook, "Content-Encoding", "identity"); r.code != http.StatusOK || r.Stored != 1 {
		t.Errorf("identity: %d %s", r.code, r.body)
	}
}

func TestBodiesWithoutRecordsAre422AndInQuarantineOnce(t *testing.T) {
	t.Parallel()
	s := startService(t)
	good := encoded("gzip", records.NewMaker(1, acceptance, time.Second).Lines(1)[0])
	cut := readAll(t, good.body)
	bodies := map[string]posting{
		"text":              {strings.NewReader("hello\nworld"), nil},
		"half a record":     {strings.NewReader(`{"type":"Delivery","id":"x`), nil},
		"half an array":     {strings.NewReader(`[{"type":"Delivery",`), nil},
		"form":              {strings.NewReader("a=b&c=d"), nil},
		"NULs":              {strings.NewReader("\x00\x00\x00\x00"), nil},
		"no gzip":           {strings.NewReader("this is no gzip"), []string{"Content-Encoding", "gzip"}},
		"no zstd":           {strings.NewReader("this is no zstd"), []string{"Content-Encoding", "zstd"}},
		"cut gzip":          {strings.NewReader(cut[:len(cut)/2]), []string{"Content-Encoding", "gzip"}},
		"gzip said plainly": {strings.NewReader(cut), nil},
	}
	for range 2 {
		for name, p := range bodies {
			text := readAll(t, p.body)
			r := s.PostTo(webhook, strings.NewReader(text), p.headers...)
			checkProblem(t, r, http.StatusUnprocessableEntity)
			id := regexp.MustCompile(`[0-9a-f]{32}`).FindString(r.Detail)
			show := s.Run("quarantine", "show", id)
			if diff := cmp.Diff(text+"\n", show.stdout); diff != "" || show.code != 0 {
				t.Errorf("%s: quarantine show %s: %d %s (-sent +kept):\n%s", name, id, show.code, show.stderr, diff)
			}
			bodies[name] = posting{strings.NewReader(text), p.headers}
		}
		if n := len(s.Quarantine()); n != len(bodies) {
			t.Errorf("%d entries in quarantine, want %d", n, len(bodies))
		}
	}
	if n := total(s.Stats()); n > 0 {
		t.Errorf("%d events of no record", n)
	}
}
