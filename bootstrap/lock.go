package bootstrap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// ErrLocked says that another serve works on the same DATA_DIR.
var ErrLocked = errors.New("another serve works on this DATA_DIR")

// makeDataDir makes the folder, for its owner's eyes alone.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("DATA_DIR: %w", err)
	}
	return nil
}

// lockDataDir claims the folder for one serve. The kernel lets go of the lock
// when the process ends, however it ends.
func lockDataDir(dir string) (unlock func() error, err error) {
	if err := makeDataDir(dir); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(dir, "serve.lock"), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock DATA_DIR: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w (%s): stop it, or give this one a DATA_DIR and a PORT of its own", ErrLocked, dir)
	}
	return lock.Unlock, nil
}
