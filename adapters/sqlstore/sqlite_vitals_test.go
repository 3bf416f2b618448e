package sqlstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestSQLiteKeepsContractOfVitals(t *testing.T) { contract.TestVitals(t, openStore) }

func TestSQLiteVitalsKnowItsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, sqlstore.SQLiteConfig{})
	if _, err := s.Commit(t.Context(), mailUnit(1, 500)); err != nil {
		t.Fatal(err)
	}
	var onDisk int64
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
	}
	v, err := s.Vitals(t.Context())
	if err != nil || v.Bytes != onDisk || v.Partitions != 0 || v.LastPartition != (time.Time{}) {
		t.Errorf("vitals: %+v, %v; want %d bytes and no partitions", v, err, onDisk)
	}
}
