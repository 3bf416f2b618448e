package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ChangedError names files that stand in the folder with other contents than
// would be written.
type ChangedError struct{ Names []string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%d files are there and differ: %s", len(e.Names), strings.Join(e.Names, ", "))
}

// Write writes the policy set into a folder, which it makes. Where files differ
// from what it would write, it writes nothing and fails with ChangedError, but
// with force it replaces them. Each file is replaced as a whole. It returns the
// names that it wrote, sorted: those that were there as they should be are not
// among them. Everybody may read the files; they hold no secrets.
func Write(dir string, o Options, force bool) (written []string, err error) {
	files, err := Files(o)
	if err != nil {
		return nil, err
	}
	var changed []string
	for name, content := range files {
		switch old, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); {
		case errors.Is(err, fs.ErrNotExist):
			written = append(written, name)
		case err != nil:
			return nil, fmt.Errorf("compare with what is there: %w", err)
		case !bytes.Equal(old, content):
			changed = append(changed, name)
			written = append(written, name)
		}
	}
	slices.Sort(changed)
	slices.Sort(written)
	if len(changed) > 0 && !force {
		return nil, &ChangedError{changed}
	}
	for _, name := range written {
		if err := replace(filepath.Join(dir, filepath.FromSlash(name)), files[name]); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return written, nil
}

// replace writes a file under another name first, for KumoMTA looks at them
// every few seconds.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // kumod runs as another user
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kumotrail-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
