// Package rulebook holds what is known of other people's wordings as data: the
// rules that say what responses mean, one TOML file for each owner of a wording.
// It parses the files and hands them to the domain as values.
package rulebook

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"github.com/kumotrail/kumotrail/domain"
)

//go:embed rules/*.toml
var files embed.FS

// Rules returns the rules of all files, in the files' order by name.
func Rules() ([]domain.Rule, error) { return rulesOf(files) }

// Classifier returns what classifies by these rules.
func Classifier() (*domain.Classifier, error) {
	rules, err := Rules()
	if err != nil {
		return nil, err
	}
	return domain.NewClassifier(rules)
}

// rulesOf reads rules/*.toml of a file system. The error names every file that
// cannot be read and why.
func rulesOf(fsys fs.FS) ([]domain.Rule, error) {
	names, err := fs.Glob(fsys, "rules/*.toml")
	if err != nil {
		return nil, fmt.Errorf("list rule files: %w", err)
	}
	rules := make([][]domain.Rule, len(names))
	var faults []error
	for i, name := range names {
		if rules[i], err = readRules(fsys, name); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return slices.Concat(rules...), errors.Join(faults...)
}

// file is how a rule file is laid out. The keys are those of domain.Rule.
type file struct {
	Rule []struct {
		Name       string
		Of         string
		Types      []string
		Codes      []string
		Enhanced   []string
		Text       []string
		Any        []string
		Not        []string
		Hints      []string
		Weight     int
		Cause      domain.Cause
		Subcause   domain.Subcause
		Permanence domain.Permanence
		Fault      domain.Fault
		Advice     string
		Tests      []string
		Source     string
	}
}

func readRules(fsys fs.FS, name string) ([]domain.Rule, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var f file
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&f); err != nil {
		return nil, explained(err)
	}
	rules := make([]domain.Rule, len(f.Rule))
	var faults []error
	for i, r := range f.Rule {
		types, err := eventTypes(r.Types)
		if err != nil {
			faults = append(faults, fmt.Errorf("rule %q: %w", r.Name, err))
		}
		rules[i] = domain.Rule{
			Name: r.Name, Of: r.Of,
			Types: types, Codes: r.Codes, Enhanced: r.Enhanced,
			Text: r.Text, Any: r.Any, Not: r.Not, Hints: r.Hints, Weight: r.Weight,
			Cause: r.Cause, Subcause: r.Subcause, Permanence: r.Permanence, Fault: r.Fault, Advice: r.Advice,
			Tests: r.Tests, Source: r.Source,
		}
	}
	return rules, errors.Join(faults...)
}

func eventTypes(names []string) ([]domain.EventType, error) {
	var types []domain.EventType
	for _, name := range names {
		t, ok := domain.ParseEventType(name)
		if !ok {
			return nil, fmt.Errorf("type %q is unknown", name)
		}
		types = append(types, t)
	}
	return types, nil
}

// explained says where in the file a fault is and, for keys that no rule has,
// which they are.
func explained(err error) error {
	if unknown, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return fmt.Errorf("%w\n%s", err, unknown.String())
	}
	if wrong, ok := errors.AsType[*toml.DecodeError](err); ok {
		return fmt.Errorf("%w\n%s", err, wrong.String())
	}
	return err
}
