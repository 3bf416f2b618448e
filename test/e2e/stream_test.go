package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// announcement is one message of the stream.
type announcement struct {
	sequence uint64
	subject  string
	id       string // its Nats-Msg-Id
	payload  object
	raw      string
}

// Announced waits until the stream has at least n messages and returns all that
// it has then.
func (s *Service) Announced(n int) []announcement {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	conn := s.dialNATS()
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		s.t.Fatal(err)
	}
	var last uint64
	eventually(s.t, fmt.Sprintf("%d messages are in the stream", n), func() bool {
		stream, err := js.Stream(ctx, "KUMOMTA_EVENTS")
		if err != nil {
			return false
		}
		last = stream.CachedInfo().State.LastSeq
		return last >= uint64(n)
	})
	return readStream(ctx, s.t, js, last)
}

// AnnouncedInAll returns the stream's messages after serve has stopped, so that
// nothing can come any more, and has been started again.
func (s *Service) AnnouncedInAll() []announcement {
	s.t.Helper()
	if code := s.Stop(); code != 0 {
		s.t.Errorf("serve ended with %d", code)
	}
	s.Start()
	return s.Announced(0)
}

func (s *Service) dialNATS() *nats.Conn {
	s.t.Helper()
	if url := s.env["NATS_URL"]; url != "" {
		conn, err := nats.Connect(url)
		if err != nil {
			s.t.Fatal(err)
		}
		return conn
	}
	token, err := os.ReadFile(filepath.Join(s.data, "nats.token"))
	if err != nil {
		s.t.Fatal(err)
	}
	conn, err := nats.Connect("nats://"+s.env["NATS_LISTEN"], nats.Token(strings.TrimSpace(string(token))))
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func readStream(ctx context.Context, t *testing.T, js jetstream.JetStream, last uint64) []announcement {
	t.Helper()
	if last == 0 {
		return nil
	}
	consumer, err := js.OrderedConsumer(ctx, "KUMOMTA_EVENTS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	all := make([]announcement, 0, last)
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatalf("read message %d of %d: %v", len(all)+1, last, err)
		}
		meta, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, announcement{
			sequence: meta.Sequence.Stream, subject: m.Subject(), id: m.Headers().Get(nats.MsgIdHdr),
			payload: parseObject(t, string(m.Data())), raw: string(m.Data()),
		})
		if meta.Sequence.Stream >= last {
			return all
		}
	}
}

// instant reads a time as the service writes them.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Error(err)
	}
	return at
}
