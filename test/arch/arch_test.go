package arch

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	lookAtEveryFolder(t)
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			packages := listPackages(t, system)
			if !slices.ContainsFunc(packages, func(p Package) bool { return p.ImportPath == Module+"/domain" }) {
				t.Fatalf("domain is not among the %d packages listed", len(packages))
			}
			for _, p := range packages {
				for _, v := range Violations(p) {
					t.Error(v)
				}
			}
		})
	}
}

func TestTopOfTheTreeHoldsOnlyWhatItMay(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Contains(names, "go.mod") {
		t.Fatalf("%s is not the top of the tree: %q", root, names)
	}
	for _, name := range Stray(names) {
		t.Errorf("%s may not stand at the top of the tree", name)
	}
}

func TestStrayNamesAreFound(t *testing.T) {
	got := Stray([]string{"domain", "internal", "go.mod", "main.go", ".golangci.yml", "domain.test", "pkg"})
	if diff := cmp.Diff([]string{"internal", "main.go", "pkg"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// lookAtEveryFolder makes the result of the test depend on the sources: of what
// the go command reads on its own, go test knows nothing and would show the
// cached result of another tree.
func lookAtEveryFolder(t *testing.T) {
	t.Helper()
	notSource := []string{".git", "bin", "data"}
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains(notSource, d.Name()) {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// listPackages asks the go command, which leaves imports of tests apart.
func listPackages(t *testing.T, system string) []Package {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, complaint.String())
	}
	var packages []Package
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p Package
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}
