package bootstrap

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secret returns a setting's value, else what the file in DATA_DIR has, which is
// made at the first start.
func (s *Settings) secret(value, file string) (string, error) {
	if value != "" {
		return value, nil
	}
	if err := makeDataDir(s.DataDir); err != nil {
		return "", err
	}
	value, err := secretOnce(filepath.Join(s.DataDir, file))
	if err != nil {
		return "", fmt.Errorf("secret %s of DATA_DIR: %w", file, err)
	}
	return value, nil
}

// secretOnce returns the secret in the file at path, made at the first call.
// Processes that call it at once, and one that comes after a crash, see one
// whole secret: the file gets its name when all of it is on disk.
func secretOnce(path string) (string, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := makeSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return readSecret(path)
}

func readSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("%s is empty: remove it and another is made", filepath.Base(path))
	}
	return secret, nil
}

// makeSecret makes the file, and fails with fs.ErrExist if another did so
// first: a rename would put a second secret in place of one that is in use.
func makeSecret(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(rand.Text() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
