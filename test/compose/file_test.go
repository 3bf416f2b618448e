//go:build !embedded

package compose_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/goccy/go-yaml"
)

// file is compose.yaml as far as it is looked at.
type file struct {
	Services map[string]service
	Volumes  map[string]any
	Configs  map[string]struct{ Content string }
}

type service struct {
	Image       string
	Build       string
	Command     []string
	User        string
	NetworkMode string `yaml:"network_mode"`
	Environment map[string]string
	Ports       []string
	Volumes     []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	Configs     []struct{ Source, Target string }
	Restart     string
}

// variable is one with a default, the only kind that the file has.
var variable = regexp.MustCompile(`\$\{([A-Z_]+):-([^}]*)\}`)

// parse reads the file with the variables of compose as given.
func parse(t *testing.T, variables map[string]string) file {
	t.Helper()
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = variable.ReplaceAllFunc(text, func(found []byte) []byte {
		groups := variable.FindSubmatch(found)
		if value, ok := variables[string(groups[1])]; ok {
			return []byte(value)
		}
		return groups[2]
	})
	if left := regexp.MustCompile(`\$[^\s]{0,20}`).Find(text); left != nil {
		t.Fatalf("a variable without a default: %s", left)
	}
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	return f
}
