//go:build !embedded

package policy_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/kumod"
	"github.com/kumotrail/kumotrail/test/records"
)

// receiver plays kumotrail: it answers as told and keeps what it answered with
// 200 or 422.
type receiver struct {
	answer   func(request int, lines []string) kumod.Response
	requests []kumod.Request
	kept     map[string]int // how often, by line
}

func newReceiver(answer func(request int, lines []string) kumod.Response) *receiver {
	return &receiver{answer: answer, kept: map[string]int{}}
}

func (r *receiver) post(request kumod.Request) kumod.Response {
	r.requests = append(r.requests, request)
	lines := bodyLines(request.Body)
	response := r.answer(len(r.requests), lines)
	if response.Status == 200 || response.Status == 422 {
		for _, line := range lines {
			r.kept[line]++
		}
	}
	return response
}

func bodyLines(body string) []string {
	return strings.Split(strings.TrimSuffix(body, "\n"), "\n")
}

// taken is kumotrail's answer to n records that it stored.
func taken(n int) kumod.Response {
	return kumod.Response{Status: 200, Reason: "OK", Text: fmt.Sprintf(`{"received":%d,"stored":%d}`, n, n)}
}

// problem is another answer of kumotrail's, or of something on the way.
func problem(status int) kumod.Response {
	return kumod.Response{Status: status, Text: `{"title":"` + strconv.Itoa(status) + `","detail":"line one\r\nline two"}`}
}

func always(response kumod.Response) func(int, []string) kumod.Response {
	return func(int, []string) kumod.Response { return response }
}

// someLines are records as KumoMTA writes them, each but once.
func someLines(n int) []string {
	return records.NewMaker(7, time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), time.Second).Lines(n)
}

// hook starts a node and connects its hook to the receiver.
func hook(t *testing.T, r *receiver, change ...func(*site)) (*site, *kumod.Delivering) {
	t.Helper()
	s := start(t, basic(), append([]func(*site){answering(r.post)}, change...)...)
	d, err := s.Connect("make."+hookQueue, hookQueue)
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}
