package natsbus

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A stream whose file could not be written, for a full disk mostly, takes nothing
// more until its server is started again, though there is room by then. Who runs
// a server as a process of its own sees it and restarts it; of one inside this
// process nobody thinks, and all the while events would wait in the outbox.

// healEvery is how often the server is asked whether it can write its streams.
const healEvery = 5 * time.Second

// healer restarts a server when its streams can be written again.
type healer struct {
	of  *Server
	dir string // of the streams' files
	log *slog.Logger

	broken atomic.Bool // the streams cannot be written
	once   sync.Once
	stop   chan struct{} // closed to end run
	ended  chan struct{} // closed when it has
}

// newHealer starts to look after a server, until close.
func newHealer(of *Server, every time.Duration) *healer {
	h := &healer{
		of: of, dir: of.config.storeDir(), log: of.config.Log,
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go h.run(every)
	return h
}

func (h *healer) close() {
	h.once.Do(func() { close(h.stop) })
	<-h.ended
}

func (h *healer) run(every time.Duration) {
	defer close(h.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-h.stop:
			return
		case <-tick.C:
			h.look()
		}
	}
}

// look restarts the server once its streams failed to write and the disk has room.
func (h *healer) look() {
	if !h.broken.Load() {
		if !h.failed() {
			return
		}
		h.broken.Store(true)
		h.log.Error("the stream cannot be written; events wait in the outbox until it can", "folder", h.dir)
	}
	if h.tryDisk() != nil {
		return // it has been said
	}
	switch err := h.of.restart(); {
	case err != nil:
		h.log.Error("the stream cannot be written yet, trying again", "error", err)
	case h.health().StatusCode != http.StatusServiceUnavailable: // it is back, or was not made yet
		h.broken.Store(false)
		h.log.Info("the stream can be written again")
	}
}

// failed says whether the stream failed to write, which the server's health has
// as a text alone, or the server gave its streams up.
func (h *healer) failed() bool {
	return !h.of.ns.Load().JetStreamEnabled() || strings.Contains(h.health().Error, "write error")
}

func (h *healer) health() *server.HealthStatus {
	return h.of.ns.Load().Healthz(&server.HealthzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Stream: StreamName})
}

// tryDisk writes as much as the largest message has: a start reads all messages,
// and is for nothing as long as the disk is full.
func (h *healer) tryDisk() error {
	name := filepath.Join(h.dir, ".room")
	defer os.Remove(name)
	return os.WriteFile(name, make([]byte, maxPayload), 0o600)
}
