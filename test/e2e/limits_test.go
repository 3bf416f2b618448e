package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

const mebi = 1 << 20

// zeros is a text of n bytes that compresses well.
func zeros(n int64) io.Reader { return io.LimitReader(endless('0'), n) }

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func bomb(t *testing.T, encoding string, n int64) posting {
	t.Helper()
	p := encodedFrom(encoding, zeros(n))
	return posting{strings.NewReader(readAll(t, p.body)), p.headers}
}

func TestBodiesOverTheLimitAre413(t *testing.T) {
	t.Parallel()
	s := startService(t, "MAX_BODY_BYTES=1MiB", "MAX_INFLIGHT_BYTES=4MiB")
	for name, p := range map[string]posting{
		"plain":         {strings.NewReader(strings.Repeat(" ", mebi+1)), nil},
		"chunked":       {chunked{zeros(mebi + 1)}, nil},
		"long chunked":  {chunked{zeros(64 * mebi)}, nil},
		"gzip":          bomb(t, "gzip", mebi+1),
		"zstd":          bomb(t, "zstd", mebi+1),
		"bomb of gzip":  bomb(t, "gzip", 512*mebi),
		"bomb of zstd":  bomb(t, "zstd", 512*mebi),
		"chunked bomb":  {chunked{bomb(t, "zstd", 512*mebi).body}, []string{"Content-Encoding", "zstd"}},
		"too much gzip": {chunked{zeros(64 * mebi)}, []string{"Content-Encoding", "gzip"}},
	} {
		r, err := s.tryPost(webhook, p.body, p.headers...)
		if err != nil {
			// The answer is lost where the client is still sending when the
			// connection ends; that is the client's view of a 413, too.
			if name == "long chunked" || name == "too much gzip" {
				continue
			}
			t.Fatalf("%s: %v", name, err)
		}
		checkProblem(t, r, http.StatusRequestEntityTooLarge)
	}
	checkNothingStored(t, s)
	if peak := s.PeakMemory(); peak > 128*mebi {
		t.Errorf("%d MiB resident at most, want under 128", peak/mebi)
	}
}

// By its length alone, before a byte of it came.
func TestALengthOverTheLimitIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	s := startService(t)
	for _, head := range []string{request(length(64*mebi + 1)), request(length(1<<40), "Expect: 100-continue")} {
		checkProblem(t, s.Dial(head).Answer(), http.StatusRequestEntityTooLarge)
	}
}

func TestBombsOfManyClientsLeaveMemoryBounded(t *testing.T) {
	t.Parallel()
	s := startService(t)
	const size = 1 << 30
	texts := map[string]string{}
	for _, encoding := range []string{"gzip", "zstd"} {
		texts[encoding] = readAll(t, encodedFrom(encoding, zeros(size)).body)
	}
	var clients sync.WaitGroup
	for n := range 8 {
		encoding := []string{"gzip", "zstd"}[n%2]
		clients.Go(func() {
			for range 3 {
				r, err := s.tryPost(webhook, strings.NewReader(texts[encoding]), "Content-Encoding", encoding)
				if err != nil || r.code != http.StatusRequestEntityTooLarge && r.code != http.StatusServiceUnavailable {
					t.Errorf("%s: %d %v, want 413, or 503 while others are held", encoding, r.code, err)
				}
			}
		})
	}
	clients.Wait()
	if peak := s.PeakMemory(); peak > 512*mebi {
		t.Errorf("%d MiB resident at most, want under 512", peak/mebi)
	}
	if r := s.Post(records.NewMaker(1, acceptance, time.Second).Lines(1)[0]); r.Stored != 1 {
		t.Errorf("a record behind the bombs: %d %s", r.code, r.body)
	}
}

func TestSlowClientsTakeNoMoreThanMayBeHeld(t *testing.T) {
	t.Parallel()
	s := startService(t, "MAX_BODY_BYTES=1MiB", "MAX_INFLIGHT_BYTES=2MiB")
	record := records.NewMaker(1, acceptance, time.Second).Lines(1)[0]
	var slow []*wire
	for range 2 {
		w := s.Dial(request(length(mebi), "Expect: 100-continue"))
		if line, err := w.in.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
			t.Fatalf("answer %q to a body that may be held: %v", line, err)
		}
		slow = append(slow, w)
	}
	r := s.Post(record)
	checkProblem(t, r, http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if code, _ := s.Get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz %d while bodies are held, want 200", code)
	}
	slow[0].conn.Close()
	eventually(t, "what the client that left held is free", func() bool { return s.Post(record).code == http.StatusOK })
	slow[1].Send(strings.Repeat(" ", mebi))
	if _, err := slow[1].in.ReadString('\n'); err != nil { // behind the line of 100 Continue
		t.Fatal(err)
	}
	if r := slow[1].Answer(); r.code != http.StatusOK || r.counts() != (counts{}) {
		t.Errorf("the slow client's answer: %d %s", r.code, r.body)
	}
	checkStored(t, s, parseRecords(t, []string{record}))
}

// Heads without end, bodies without end, halves and silence, while others post.
func TestClientsThatDoNotBehaveHinderNobody(t *testing.T) {
	t.Parallel()
	s := startService(t, "MAX_BODY_BYTES=1MiB", "MAX_INFLIGHT_BYTES=32MiB")
	record := records.NewMaker(9, acceptance.AddDate(0, 0, 1), time.Second).Lines(1)[0]
	var heads, halves []*wire
	for range 20 {
		heads = append(heads, s.Dial("POST "+webhook+" HTTP/1.1\r\nHost: local"), s.Dial(""))
		s.Dial(request(length(1000)) + record[:100])
		s.Dial(request("Transfer-Encoding: chunked") + "10\r\n" + record[:16])
		half := s.Dial(request(length(int64(len(record)))) + record[:100])
		if err := half.conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		halves = append(halves, half)
		reader := s.Dial("GET /api/kumomta/v1/logs/export?from=2020-01-01T00:00:00Z HTTP/1.1\r\nHost: localhost\r\n\r\n")
		reader.Send("GET /api/kumomta/v1/logs/export?from=2020-01-01T00:00:00Z HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	made := records.NewMaker(1, acceptance, time.Second).Lines(2000)
	for _, body := range bodiesOf(made, 100) {
		s.mustTake(body)
	}
	for _, half := range halves {
		half.AwaitEnd()
	}
	checkWhollyWithoutStop(t, s, parseRecords(t, made))
	for _, head := range heads { // by the limit for heads
		head.AwaitEnd()
	}
}

func checkWhollyWithoutStop(t *testing.T, s *Service, made []object) {
	t.Helper()
	checkAnnounced(t, s.Announced(len(spread(made))), made, checkStored(t, s, made))
}

// Whole behind the closed half is whole: what came is taken and answered.
func TestABodyBeforeAHalfCloseIsTaken(t *testing.T) {
	t.Parallel()
	s := startService(t)
	record := records.NewMaker(1, acceptance, time.Second).Lines(1)[0]
	w := s.Dial(request(length(int64(len(record)))) + record)
	if err := w.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if r := w.Answer(); r.code != http.StatusOK || r.Stored != 1 {
		t.Errorf("answer %d %s", r.code, r.body)
	}
	short := s.Dial(request(length(int64(len(record)+1))) + record)
	if err := short.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	short.AwaitEnd()
	checkStored(t, s, parseRecords(t, []string{record}))
}

// Its giant text is cut and says so; its neighbours are whole.
func TestAHugeRecordBelowTheLimitIsTaken(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(1, acceptance, time.Second).Lines(3)
	huge := strings.Repeat("g", 60*mebi)
	body := strings.Replace(made[1], `"content":"`, `"content":"`+huge, 1)
	if r := s.Post(made[0] + "\n" + body + "\n" + made[2]); r.counts() != (counts{Received: 3, Stored: 3}) {
		t.Fatalf("answer %d %s", r.code, r.body)
	}
	if peak := s.PeakMemory(); peak > 400*mebi {
		t.Errorf("%d MiB resident at most, want under 400", peak/mebi)
	}
	announced := s.Announced(3)
	if n := len(announced); n != 3 {
		t.Fatalf("%d messages, want 3", n)
	}
	response := child(announced[1].payload, "smtp").text("response")
	if mark := fmt.Sprintf("[cut from %d bytes]", 60*mebi+len(child(parseObject(t, made[1]), "response").text("content"))); !strings.HasSuffix(response, mark) {
		t.Errorf("a response of %d bytes that ends in %q, want %q", len(response), response[max(0, len(response)-40):], mark)
	}
	if r := s.Post(body); r.counts() != (counts{Received: 1, Duplicates: 1}) {
		t.Errorf("answer %d %s to the same once more", r.code, r.body)
	}
}
