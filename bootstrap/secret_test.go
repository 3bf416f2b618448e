package bootstrap

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestSecretIsMadeOnceByAllWhoAsk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	const callers = 16
	secrets, errs := make([]string, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { secrets[i], errs[i] = secretOnce(path) })
	}
	wg.Wait()
	for i := range callers {
		if errs[i] != nil || secrets[i] != secrets[0] || len(secrets[i]) < 26 {
			t.Errorf("caller %d got %q, %v; caller 0 %q", i, secrets[i], errs[i], secrets[0])
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("%d files left, want the secret alone: %v", len(left), err)
	}
}

func TestEmptySecretFileIsAFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := secretOnce(path); err == nil {
		t.Errorf("got %q", s)
	}
}
