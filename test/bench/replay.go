package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// replaySchema is that of the store that files are replayed into.
const replaySchema = "bench_replay"

// replays are the figures of the suite.
type replays struct {
	reading, journal, replay, again series // records/s
}

// replay measures log files: reading them, taking them into PostgreSQL against
// committing the same records that stand decoded in memory, and a segment that
// is as large as asked for by the program itself.
func replay(ctx context.Context, o options) error {
	db, stop, err := startPostgres(ctx, o.postgres)
	if err != nil {
		return err
	}
	defer stop()
	var m replays
	for round := range o.rounds {
		if err := m.round(ctx, db, makeUnits(uint64(round+1), o.units)); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "round %d of %d: reading %.0f/s, journal %.0f/s, replay %.0f/s, again %.0f/s\n",
			round+1, o.rounds, m.reading[round], m.journal[round], m.replay[round], m.again[round])
	}
	var t table
	t.add("reading and decoding log files", m.reading, "records/s")
	t.add("Journal.Commit, 500 a unit, 2 writers", m.journal, "records/s")
	t.add("replay of the same records", m.replay, "records/s")
	t.add("replay / Journal.Commit", over(m.replay, m.journal), "")
	t.add("second replay / first", over(m.again, m.replay), "")
	t.print("Replay into PostgreSQL, fsync and synchronous_commit on")
	if o.logged > 0 {
		return largeSegment(ctx, db, o)
	}
	return nil
}

func (m *replays) round(ctx context.Context, db *pgServer, units [][]string) error {
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeFolders(dir, units); err != nil {
		return err
	}
	reading, _, err := replayed(ctx, dir, nothing{}, nil)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	m.reading = append(m.reading, reading)
	store, err := db.open(ctx, replaySchema)
	if err != nil {
		return err
	}
	journal, err := commitAll(ctx, store, decodeUnits(units))
	if err := errors.Join(err, store.Close(), db.drop(ctx, replaySchema)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	m.journal = append(m.journal, journal)
	if store, err = db.open(ctx, replaySchema); err != nil {
		return err
	}
	defer func() { _ = errors.Join(store.Close(), db.drop(ctx, replaySchema)) }()
	want := int64(len(units) * unitRecords)
	for n, rates := range []*series{&m.replay, &m.again} {
		rate, report, err := replayed(ctx, dir, application.NewCommitter(store, nil), store)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if stored := want * int64(1-n); report.Stored != stored || report.Read != want {
			return fmt.Errorf("replay %d of %d records stored %d", n+1, want, report.Stored)
		}
		*rates = append(*rates, rate)
	}
	return nil
}

// writeFolders writes the units as finished segments of two nodes.
func writeFolders(dir string, units [][]string) error {
	half := len(units) / 2
	for i, part := range [][][]string{units[:half], units[half:]} {
		folder := filepath.Join(dir, fmt.Sprintf("mta%d", i+1))
		if err := os.Mkdir(folder, 0o700); err != nil {
			return err
		}
		var text strings.Builder
		for _, u := range part {
			text.WriteString(lines(u))
		}
		if err := writeSegment(filepath.Join(folder, "20260725-172000"), func(w *bufio.Writer) error {
			_, err := w.WriteString(text.String())
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func writeSegment(path string, write func(*bufio.Writer) error) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o400)
	if err != nil {
		return err
	}
	encoder, err := zstd.NewWriter(file, zstd.WithEncoderCRC(false))
	if err != nil {
		return errors.Join(err, file.Close())
	}
	buffered := bufio.NewWriterSize(encoder, 1<<20)
	return errors.Join(write(buffered), buffered.Flush(), encoder.Close(), file.Close())
}

// replayed replays a folder and returns records/s.
func replayed(ctx context.Context, dir string, commits application.Commits, index ports.EventIndex) (float64, application.ReplayReport, error) {
	files, err := segments.New(segments.Config{Paths: []string{dir}})
	if err != nil {
		return 0, application.ReplayReport{}, err
	}
	ingest := application.NewIngest(decoder(), commits, 0, time.Now)
	r := application.NewReplay(files, ingest, index, application.ReplayConfig{Workers: pgWriters + 1, Patience: time.Second})
	start := time.Now()
	report, err := r.Run(ctx)
	return float64(report.Read) / time.Since(start).Seconds(), report, err
}

// nothing takes everything and keeps nothing.
type nothing struct{}

func (nothing) Commit(_ context.Context, u ports.Unit) (application.Outcome, error) {
	return application.Outcome{New: make([]bool, len(u.Events))}, nil
}

// largeSegment has the program replay one segment of many records, twice, and
// compare it with the store.
func largeSegment(ctx context.Context, db *pgServer, o options) error {
	if err := db.drop(ctx, replaySchema); err != nil {
		return err
	}
	defer func() { _ = db.drop(ctx, replaySchema) }()
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, size := filepath.Join(dir, "20260725-172000"), int64(0)
	maker := records.NewMaker(7, time.Now().Add(-time.Duration(o.logged)*time.Millisecond), time.Millisecond)
	if err := writeSegment(path, func(w *bufio.Writer) error {
		for n := 0; n < o.logged && ctx.Err() == nil; {
			message := maker.Message()
			text := lines(message)
			n += len(message)
			size += int64(len(text))
			if _, err := w.WriteString(text); err != nil {
				return err
			}
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	env := append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}, "PG_URL="+db.url, "PG_SCHEMA="+replaySchema, "DATA_DIR="+filepath.Join(dir, "data"),
		"VERP_KEY=benchmark", "RETENTION_DAYS=0", "TMPDIR="+dir)
	var t table
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	for _, run := range []struct {
		name string
		args []string
	}{
		{"replay", []string{"replay", path}}, {"second replay", []string{"replay", path}}, {"audit", []string{"audit", path}},
	} {
		took, resident, err := measureCommand(ctx, binary, env, run.args...)
		if err != nil {
			return fmt.Errorf("%s: %w", run.name, err)
		}
		t.add(run.name, series{took.Seconds()}, "s")
		t.add(run.name, series{float64(o.logged) / took.Seconds()}, "records/s")
		t.add(run.name+": resident at most", series{resident}, "MB")
	}
	t.print(fmt.Sprintf("One segment of %d records, %.1f GB, by the program", o.logged, float64(size)/1e9))
	return nil
}

// measureCommand runs a command to its end, which has to be good, and returns
// how long that took and how much memory it had at most, in MB.
func measureCommand(ctx context.Context, binary string, env []string, args ...string) (took time.Duration, resident float64, err error) {
	var out strings.Builder
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	s := &service{command: cmd}
	for {
		select {
		case err := <-ended:
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out.String())
			}
			return time.Since(start), resident, err
		case <-tick.C:
			resident = max(resident, s.memory("VmHWM"))
		}
	}
}
