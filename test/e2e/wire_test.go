package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// wire is a bare connection, for clients that do not behave.
type wire struct {
	t    *testing.T
	conn *net.TCPConn
	in   *bufio.Reader
}

// Dial connects and sends what is given.
func (s *Service) Dial(text string) *wire {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		s.t.Fatal(err)
	}
	w := &wire{s.t, conn.(*net.TCPConn), bufio.NewReader(conn)}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	w.Send(text)
	return w
}

// Send sends text; that the other side closed shows when its answer is read.
func (w *wire) Send(text string) { _, _ = io.WriteString(w.conn, text) }

// Answer reads one answer.
func (w *wire) Answer() receipt {
	w.t.Helper()
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	r, err := readReceipt(resp)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// AwaitEnd waits until the other side has closed the connection.
func (w *wire) AwaitEnd() {
	w.t.Helper()
	_, err := io.Copy(io.Discard, w.in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.t.Error("the connection is still open")
	}
}

// request is the head of a POST to the webhook, with headers as they stand.
func request(headers ...string) string {
	return "POST " + webhook + " HTTP/1.1\r\nHost: localhost\r\nx-kumomta-key: reloop\r\n" +
		strings.Join(headers, "\r\n") + "\r\n\r\n"
}

func length(n int64) string { return fmt.Sprintf("Content-Length: %d", n) }

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
