package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// heavy is a quarantine whose entries take their time.
type heavy struct {
	ports.Quarantine
	held atomic.Int32 // at once
	free chan struct{}
}

func (h *heavy) Get(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	h.held.Add(1)
	defer h.held.Add(-1)
	<-h.free
	return h.Quarantine.Get(ctx, id)
}

func TestEntriesInQuarantineAreHeldOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		reject := domain.Reject{Reason: "broken", Raw: "{"}
		if _, err := store.Commit(t.Context(), ports.Unit{Rejects: []domain.Reject{reject}}); err != nil {
			t.Fatal(err)
		}
		h := &heavy{Quarantine: store, free: make(chan struct{})}
		ingest := application.NewIngest(kumomta.Decoder{}, application.NewCommitter(store, nil), 0, time.Now)
		handler := httpapi.New(httpapi.Config{APIKeys: []string{apiKey}}, httpapi.Parts{
			Log: slog.New(slog.DiscardHandler), Quarantine: application.NewQuarantine(h, ingest),
		})
		var asked sync.WaitGroup
		codes := make([]int, 4)
		for i := range codes {
			method, path := http.MethodGet, "/api/kumomta/v1/quarantine/"+reject.ID().String()
			if i%2 == 1 {
				method, path = http.MethodPost, path+"/retry"
			}
			r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
			r.Header.Set("Authorization", "Bearer "+apiKey)
			asked.Go(func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				codes[i] = w.Code
				if w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
					t.Error("it is not said when to ask again")
				}
			})
		}
		for range 2 {
			synctest.Wait()
			if n := h.held.Load(); n != 1 {
				t.Errorf("%d are held at once, want 1", n)
			}
			h.free <- struct{}{}
		}
		time.Sleep(2 * time.Minute) //nolint:forbidigo // in a bubble of synctest no one waits
		close(h.free)
		asked.Wait()
		slices.Sort(codes)
		if want := []int{200, 200, 503, 503}; !slices.Equal(codes, want) {
			t.Errorf("answered %v, want %v", codes, want)
		}
	})
}
