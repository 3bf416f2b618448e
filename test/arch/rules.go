package arch

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the module's path.
const Module = "github.com/kumotrail/kumotrail"

// Rule says what some packages may import. Patterns are those of the go
// command: "x" is one package, "x/..." also all below it, "..." every one.
// Every package has its rule: the first whose Packages match.
type Rule struct {
	Packages string   // of this module, without its path
	Own      []string // packages of this module, without its path
	Std      []string
	Others   []string // packages of other modules
}

var everything = []string{"..."}

// pure is the standard library as far as it does no I/O.
var pure = []string{
	"bytes", "cmp", "context", "crypto/...", "encoding/...", "errors", "fmt", "hash/...", "iter", "maps",
	"math/...", "net/netip", "regexp/...", "slices", "sort", "strconv", "strings", "sync/...", "time",
	"unicode/...", "unique",
}

// inMemory adds what use cases need and what still reaches nothing outside.
var inMemory = append(slices.Clone(pure), "bufio", "container/...", "io", "log/slog", "runtime/...")

// Rules is the design's table. Adapters may import packages below themselves,
// but never another adapter.
var Rules = []Rule{
	{Packages: "domain/...", Own: []string{"domain/..."}, Std: pure},
	{Packages: "ports/...", Own: []string{"domain/...", "ports/..."}, Std: pure},
	{Packages: "application/...", Own: []string{"domain/...", "ports/...", "application/..."}, Std: inMemory},
	// Programs of others import it, so it brings nothing along.
	{Packages: "adapters/apiclient/...", Own: []string{"adapters/apiclient/..."}, Std: everything},
	adapter("httpapi", "application/..."),
	adapter("kumomta"),
	adapter("memory"),
	adapter("natsbus"),
	adapter("rediscache"),
	adapter("rulebook"),
	adapter("sqlstore", "migrations/..."),
	adapter("telemetry", "application/..."),
	{Packages: "migrations/...", Std: everything},
	{
		Packages: "bootstrap/...",
		Own: []string{
			"domain/...", "ports/...", "application/...", "adapters/...", "migrations/...", "bootstrap/...",
		},
		Std: everything, Others: everything,
	},
	{
		Packages: "test/contract/...",
		Own:      []string{"domain/...", "ports/...", "test/contract/..."},
		Std:      everything,
		Others:   []string{"github.com/google/go-cmp/...", "pgregory.net/rapid/..."},
	},
	{Packages: "test/...", Own: everything, Std: everything, Others: everything},
}

// adapter is the rule of one adapter; more is what it may import besides.
func adapter(name string, more ...string) Rule {
	own := append([]string{"domain/...", "ports/...", "adapters/" + name + "/..."}, more...)
	return Rule{Packages: "adapters/" + name + "/...", Own: own, Std: everything, Others: everything}
}

// Technologies names the one place of each technology that has one. Bootstrap
// and test programs may use all of them.
var Technologies = []struct{ Import, Home string }{
	{"github.com/gin-gonic/...", "adapters/httpapi"},
	{"github.com/danielgtaylor/huma/...", "adapters/httpapi"},
	{"github.com/swaggest/...", "adapters/httpapi"},
	{"database/sql/...", "adapters/sqlstore"},
	{"github.com/uptrace/bun/...", "adapters/sqlstore"},
	{"github.com/jackc/...", "adapters/sqlstore"},
	{"modernc.org/sqlite/...", "adapters/sqlstore"},
	{"github.com/nats-io/...", "adapters/natsbus"},
	{"github.com/redis/...", "adapters/rediscache"},
	{"github.com/pelletier/...", "adapters/rulebook"},
	{"github.com/fsnotify/...", "adapters/kumomta"},
	{"github.com/DataDog/...", "adapters/sqlstore"},
	{"github.com/prometheus/...", "adapters/telemetry"},
	{"go.opentelemetry.io/...", "adapters/telemetry"},
	{"go.uber.org/fx/...", "bootstrap"},
	{"github.com/caarlos0/env/...", "bootstrap"},
	{"github.com/joho/godotenv/...", "bootstrap"},
	{"github.com/alecthomas/kong/...", "bootstrap"},
	{"github.com/vbauerster/...", "bootstrap"},
}

// Package is one package and what its code imports.
type Package struct {
	ImportPath string
	Imports    []string
}

// Violations returns a sentence for each import that p may not have, and one if
// no rule knows p.
func Violations(p Package) []string {
	name := ownName(p.ImportPath)
	rule, ok := ruleOf(name)
	if !ok {
		return []string{fmt.Sprintf("%s has no place in the design", name)}
	}
	var found []string
	for _, imported := range p.Imports {
		if !rule.allows(imported) {
			found = append(found, fmt.Sprintf("%s may not import %s", name, imported))
		}
		if home := homeOf(imported); home != "" && !atHome(name, home) {
			found = append(found, fmt.Sprintf("%s may not import %s, the technology of %s", name, imported, home))
		}
	}
	return found
}

func ruleOf(name string) (Rule, bool) {
	for _, r := range Rules {
		if matches(r.Packages, name) {
			return r, true
		}
	}
	return Rule{}, false
}

func (r Rule) allows(imported string) bool {
	patterns := r.Others
	switch {
	case isOwn(imported):
		patterns, imported = r.Own, ownName(imported)
	case isStd(imported):
		patterns = r.Std
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, imported) })
}

func homeOf(imported string) string {
	for _, t := range Technologies {
		if matches(t.Import, imported) {
			return t.Home
		}
	}
	return ""
}

// atHome says whether the package may use the technology of home. Whether
// test/contract and those within may is for their rules to say.
func atHome(name, home string) bool {
	return matches(home+"/...", name) || matches("bootstrap/...", name) || matches("test/...", name)
}

// topLevel is what may stand at the top of the tree, outputs of the Makefile
// included.
var topLevel = []string{
	"domain", "application", "adapters", "ports", "bootstrap", "migrations", "test", "docs",
	"go.mod", "go.sum", "tools.mod", "tools.sum", "Makefile", "Dockerfile", "compose.yaml",
	"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ".*",
	"bin", "data", "*.test", "*.prof",
}

// Stray returns the names that may not stand at the top of the tree.
func Stray(names []string) []string {
	var stray []string
	for _, name := range names {
		if !slices.ContainsFunc(topLevel, func(p string) bool { ok, _ := path.Match(p, name); return ok }) {
			stray = append(stray, name)
		}
	}
	return stray
}

func matches(pattern, name string) bool {
	if pattern == "..." {
		return true
	}
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == below || strings.HasPrefix(name, below+"/")
	}
	return name == pattern
}

func isOwn(importPath string) bool { return matches(Module+"/...", importPath) }

func ownName(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, Module), "/")
}

// isStd tells the standard library by its paths, whose first element has no
// dot.
func isStd(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}
