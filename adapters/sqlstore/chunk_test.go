package sqlstore

import (
	"context"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestChunkGivesBackRecordsByteForByte(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	rapid.Check(t, func(t *rapid.T) {
		long := rapid.Custom(func(t *rapid.T) string {
			size := rapid.SampledFrom([]int{0, 1000, blockSize / 3, blockSize - 3, blockSize, 2 * blockSize}).Draw(t, "size")
			return strings.Repeat(rapid.StringN(1, 1, 1).Draw(t, "text"), size)
		})
		records := rapid.SliceOf(rapid.OneOf(rapid.String(), long)).Draw(t, "records")
		var c chunk
		for i, r := range records {
			if at := c.add(r); at != i {
				t.Fatalf("record %d is at %d", i, at)
			}
		}
		packed := p.packChunk(nil, &c)
		if rapid.Bool().Draw(t, "of before") {
			packed = p.pack(c.buf)
		}
		stored, err := p.recordsOf(packed)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range rapid.SliceOf(rapid.IntRange(0, len(records))).Draw(t, "places") {
			got, err := stored.record(i)
			switch {
			case i == len(records):
				if !errors.Is(err, errChunk) {
					t.Fatalf("record %d of %d: %v", i, len(records), err)
				}
			case err != nil || got != records[i]:
				t.Fatalf("record %d: got %q and %v, want %q", i, got, err, records[i])
			}
		}
	})
}

func TestDamagedChunkIsAnError(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for name, text := range map[string]string{
		"cut length": "\x80", "cut record": "\x05abcd",
		"length over 64 bits": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "huge length": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abc",
	} {
		damaged, err := p.recordsOf(p.pack([]byte("\x01a" + text)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := damaged.record(1); !errors.Is(err, errChunk) {
			t.Errorf("%s: got %q and %v", name, got, err)
		}
	}
	var c chunk
	c.add("a")
	whole := string(p.packChunk(nil, &c))
	for name, packed := range map[string]string{
		"no blocks": whole[:1], "cut head": whole[:5], "cut block": whole[:len(whole)-1],
		"huge block": "\x01\x00\x00\x00\x01\xff\xff\xff\xffabc", "block that is none": "\x01\x00\x00\x00\x01\x00\x00\x00\x02\x05\x10",
		"more records than there are": "\x01\x00\x00\x00\x09" + whole[5:],
	} {
		records, err := p.recordsOf([]byte(packed))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := records.record(1); !errors.Is(err, errChunk) {
			t.Errorf("%s: got %q and %v", name, got, err)
		}
		if got, err := records.record(0); strings.HasPrefix(packed, whole[:1]+"\x00\x00\x00\x09") != (err == nil) {
			t.Errorf("%s: got %q and %v", name, got, err)
		}
	}
	for name, packed := range map[string]string{
		"not packed": "{}", "no block": "\x00", "block without its end": "\x00\x05\x10abcd",
		"block of more than 4 GB": "\x00\xff\xff\xff\xff\xff\x01", "frame without its end": "\x28\xb5\x2f\xfd\x04",
	} {
		if got, err := p.unpack([]byte(packed)); !errors.Is(err, errChunk) {
			t.Errorf("%s: got %q and %v", name, got, err)
		}
	}
}

// What was packed when there was only zstd is there as long as its day.
func TestFramesOfZstdAreUnpackedBehindWhatIsThere(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	frame, err := hex.DecodeString("28b52ffd04009100006b756d6f6d74612c206b756d6f747261696ce6772c25")
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"zstd": frame, "S2": p.pack([]byte("kumomta, kumotrail"))} {
		if got, err := p.unpackTo([]byte("before "), packed); err != nil || string(got) != "before kumomta, kumotrail" {
			t.Errorf("%s: got %q and %v", name, got, err)
		}
	}
}

// TestRestoredRecordsOutliveTheRoomThatTheyWereUnpackedTo restores records of the
// same length from one chunk after another, each in the memory of that before.
func TestRestoredRecordsOutliveTheRoomThatTheyWereUnpackedTo(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var want, got []string
	for n := range 20 {
		var c chunk
		raw := contract.Record{Noise: string(rune('a' + n)), Recipients: []string{"a"}}.Line()
		r := &restorer{decoder: contract.Decoder{}, packer: p, chunkOf: func(chunkID) ([]byte, error) { return p.packChunk(nil, &c), nil }}
		events, err := restoreEach(r, []storedEvent{{pos: c.add(raw), chunk: newChunkID(0, testDay)}})
		if err != nil {
			t.Fatal(err)
		}
		want, got = append(want, raw), append(got, events[0].Raw)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestHugeRoomIsNotKept(t *testing.T) {
	var p packer
	p.giveBack(make([]byte, 0, maxIdleBuffer+1))
	if room := p.room(); room != nil {
		t.Errorf("a room of %d bytes is kept", cap(room))
	}
}

func TestPartsOfRecordAreKeptOnceAndDaysApart(t *testing.T) {
	record := func(day, parts int, noise string) []domain.EmailEvent {
		r := contract.Record{Noise: noise, Recipients: []string{"a", "b", "c"}[:parts]}
		r.OccurredAt = testDay.AddDate(0, 0, day)
		return r.Events(testDay)
	}
	set := chunkSet{now: testDay}
	for _, events := range [][]domain.EmailEvent{record(0, 3, ""), record(0, 1, "x"), record(1, 2, ""), record(0, 2, "y")} {
		for i := range events {
			set.place(&events[i])
		}
	}
	if len(set.chunks) != 2 || set.chunks[0].n != 3 || set.chunks[1].n != 1 {
		t.Fatalf("got %d chunks, want two, of 3 and 1 records", len(set.chunks))
	}
	if got := dayOf(domain.EventID{}); got != 0 {
		t.Errorf("day of an id without time is %d, want 0", got)
	}
}

func TestDayOfIDIsThatOfItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(1, 1<<48-1).Draw(t, "at"))
		if got, want := dayOf(domain.EventID(uuidAt(at.UnixMilli()))), dayStart(at).UnixMilli(); got != want {
			t.Fatalf("the day of an id of %s begins at %d, want %d", at, got, want)
		}
	})
}

// A chunk holds on to the disk until the last of its events is gone.
func TestPruneDropsWholeChunksThatNoEventNeeds(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	ctx := context.Background()
	undated := deliveriesOn(time.Unix(1, 0).UTC(), 3)
	for i := range undated.Events {
		undated.Events[i].ReceivedAt = testDay.AddDate(0, 0, i)
	}
	u := deliveriesOn(testDay.Add(23*time.Hour+59*time.Minute+30*time.Second), 60) // across midnight
	u.Events = append(u.Events, undated.Events...)
	if _, err := s.Commit(ctx, u); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		before time.Time
		events int64 // that are left
		chunks int64
	}{
		{testDay.Add(time.Hour), 62, 3},                     // one undated gone
		{testDay.Add(24*time.Hour - 10*time.Second), 42, 3}, // in the midst of a day
		{testDay.Add(24*time.Hour + 10*time.Second), 21, 2}, // the next day begun
		{testDay.Add(48*time.Hour - time.Second), 1, 2},     // none of the day is left, but it is not over
		{testDay.Add(48*time.Hour + time.Second), 0, 0},
	} {
		if _, err := s.Prune(ctx, step.before, time.Time{}); err != nil {
			t.Fatal(err)
		}
		got := []any{ask(t, s, "SELECT count(*) FROM email_event"), ask(t, s, "SELECT count(*) FROM record_chunk")}
		if diff := cmp.Diff([]any{step.events, step.chunks}, got); diff != "" {
			t.Errorf("events and chunks from %s on: -want +got\n%s", step.before, diff)
		}
	}
}
