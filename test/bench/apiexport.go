package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
)

// exports measures how fast the service streams a large tenant's logs, in each
// form.
func (s *apiStore) exports(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	port, err := freePort()
	if err != nil {
		return err
	}
	const token = "benchmark"
	address := fmt.Sprintf("127.0.0.1:%d", port)
	bus, err := natsbus.StartServer(natsbus.ServerConfig{Dir: dir, Listen: address, Token: token, Log: quiet})
	if err != nil {
		return err
	}
	defer bus.Close()
	service, err := startService(o.binary, []string{
		"PG_URL=" + s.url, "PG_SCHEMA=" + apiSchema, "NATS_URL=nats://" + token + "@" + address,
		"API_KEYS=" + benchKey, "RETENTION_DAYS=3650",
	})
	if err != nil {
		return err
	}
	defer service.stop()
	fmt.Printf("\n| export of a tenant's logs | rows | rows/s, 100,000 asked | MB/s |\n|---|---|---|---|\n")
	for _, export := range []struct{ name, form string }{
		{"ndjson, pages as they are in memory or not", "ndjson"}, {"csv", "csv"}, {"ndjson once more", "ndjson"}, {"csv once more", "csv"},
	} {
		rows, size, took, err := service.export(ctx, "tenant=tenant-0&format="+export.form)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		fmt.Printf("| %s | %d | %.0f | %.0f |\n", export.name, rows, float64(rows)/took.Seconds(), float64(size)/1e6/took.Seconds())
	}
	fmt.Printf("\nThe service had %.0f MB resident at most.\n", service.memory("VmHWM"))
	return nil
}

// export reads an export to its end.
func (s *service) export(ctx context.Context, query string) (rows, size int, took time.Duration, err error) {
	start := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/kumomta/v1/logs/export?"+query, nil)
	if err != nil {
		return 0, 0, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+benchKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, 0, 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, 0, 0, fmt.Errorf("answer %d", answer.StatusCode)
	}
	buf := make([]byte, 1<<20)
	for {
		n, err := answer.Body.Read(buf)
		rows, size = rows+bytes.Count(buf[:n], []byte{'\n'}), size+n
		switch {
		case errors.Is(err, io.EOF):
			return rows, size, time.Since(start), nil
		case err != nil:
			return rows, size, time.Since(start), err
		}
	}
}
