package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// leaving is a body whose sender closes the connection behind it, which ends the
// request's context before anything is committed.
type leaving struct {
	io.Reader
	leave func()
}

func (b leaving) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.leave()
	}
	return n, err
}

func TestWebhookTakesABodyThatIsHereWholeFromWhoLeaves(t *testing.T) {
	s := newService()
	ctx, leave := context.WithCancel(t.Context())
	body := leaving{strings.NewReader(recordOf("Delivery", 1, "", "ann@example.com")), leave}
	w := s.answer(httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhook", body))
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"stored":1`) {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if ctx.Err() == nil {
		t.Error("the sender is there still: nothing was tried")
	}
}

func TestWebhookAnswers503WhereTheCommitFails(t *testing.T) {
	s := newService()
	s.store.FailNext(ports.ErrUnavailable)
	w := s.answer(httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(recordOf("Delivery", 1, "", "ann@example.com"))))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
}

// An empty body is no record, however it is said to be packed.
func TestWebhookTakesAnEmptyBodyInEveryEncoding(t *testing.T) {
	for _, encoding := range []string{"", "identity", "gzip", "zstd"} {
		s := newService()
		r := httptest.NewRequest(http.MethodPost, "/webhook", http.NoBody)
		r.Header.Set("Content-Encoding", encoding)
		if w := s.answer(r); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"received":0`) {
			t.Errorf("%q: answer %d %s", encoding, w.Code, w.Body)
		}
	}
}

// answer asks the webhook with its key.
func (s service) answer(r *http.Request) *httptest.ResponseRecorder {
	r.Header.Set("x-kumomta-key", "reloop")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
