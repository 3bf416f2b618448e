package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// manyLogs streams n logs and then its error, if it has one.
type manyLogs struct {
	ports.LogReader
	n     int
	err   error
	given chan int // how many were taken, when the stream has ended

	lock  sync.Mutex
	taken int
}

func (m *manyLogs) Logs(context.Context, ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		defer func() { m.given <- m.takenSoFar() }()
		for i := range m.n {
			if !yield(domain.EmailLog{MessageID: fmt.Sprintf("%032d", i), Recipient: "frank@example.org", Confirmed: true}, nil) {
				return
			}
			m.lock.Lock()
			m.taken++
			m.lock.Unlock()
		}
		if m.err != nil {
			yield(domain.EmailLog{}, m.err)
		}
	}
}

func (m *manyLogs) takenSoFar() int {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.taken
}

func (m *manyLogs) serve() http.Handler {
	m.given = make(chan int, 1)
	log := slog.New(slog.DiscardHandler)
	return httpapi.New(httpapi.Config{APIKeys: []string{apiKey}}, httpapi.Parts{Logs: m, Log: log, Budget: application.NewBudget(1)})
}

func exportRequest(ctx context.Context, server, format string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/kumomta/v1/logs/export?tenant=acme&format="+format, nil)
	if err != nil {
		panic(err) // of constants
	}
	r.Header.Set("Authorization", bearer)
	return r
}

const endless = 1 << 40

var exportFormats = []string{"ndjson", "csv"}

func TestExportOfManyPiecesIsWhole(t *testing.T) {
	const n = 10_000
	for _, format := range exportFormats {
		server := httptest.NewServer((&manyLogs{n: n}).serve())
		defer server.Close()
		resp, err := server.Client().Do(exportRequest(t.Context(), server.URL, format))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		lines := bytes.Count(body, []byte("\n"))
		if format == "csv" {
			lines-- // the head
		}
		last := bytes.LastIndex(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) + 1
		if err != nil || lines != n || !bytes.Contains(body[last:], fmt.Appendf(nil, "%032d", n-1)) {
			t.Errorf("%s: %d lines, the last %q, error %v, want %d lines", format, lines, body[last:], err, n)
		}
	}
}

func TestExportThatFailsOnTheWayIsNoWholeAnswer(t *testing.T) {
	for _, format := range exportFormats {
		server := httptest.NewServer((&manyLogs{n: 10_000, err: ports.ErrUnavailable}).serve())
		defer server.Close()
		resp, err := server.Client().Do(exportRequest(t.Context(), server.URL, format))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: answer %d, %d bytes and then %v, want a broken answer", format, resp.StatusCode, len(body), err)
		}
	}
}

func TestExportThatFailsBeforeItsFirstPieceSaysSo(t *testing.T) {
	for _, format := range exportFormats {
		w := httptest.NewRecorder()
		(&manyLogs{n: 3, err: ports.ErrUnavailable}).serve().ServeHTTP(w, exportRequest(t.Context(), "", format))
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "frank") {
			t.Errorf("%s: answer %d, %s, want 503 and no log", format, w.Code, w.Body)
		}
	}
}

func TestExportThatItsClientLeavesEndsReading(t *testing.T) {
	logs := &manyLogs{n: endless}
	server := httptest.NewServer(logs.serve())
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	resp, err := server.Client().Do(exportRequest(ctx, server.URL, "ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	leave()
	resp.Body.Close()
	<-logs.given
}

// TestExportWaitsForASlowClientAndNotForADeadOne has a client that takes what it
// asks for and no byte more.
func TestExportWaitsForASlowClientAndNotForADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pass := func(d time.Duration) {
			time.Sleep(d) //nolint:forbidigo // in a bubble of synctest no one waits
			synctest.Wait()
		}
		logs := &manyLogs{n: endless}
		server := httpapi.NewServer(logs.serve(), slog.New(slog.DiscardHandler))
		network := pipes{make(chan net.Conn), make(chan struct{})}
		go func() { _ = server.Serve(network) }()
		defer server.Close()
		conn, err := network.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := exportRequest(t.Context(), "http://local", "ndjson").Write(conn); err != nil {
			t.Fatal(err)
		}
		in, read := bufio.NewReaderSize(conn, 16), 0
		for range 5 {
			pass(20 * time.Second) // slow, but within the time for a piece
			if ahead := logs.takenSoFar() - read; ahead > 300 {
				t.Errorf("%d logs are taken beyond the %d that the client read", ahead, read)
			}
			for range 1000 {
				if _, err := in.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				read++
			}
		}
		pass(40 * time.Second)
		if len(logs.given) != 1 {
			t.Error("the stream goes on for a client that has taken nothing for 40 s")
		}
	})
}
