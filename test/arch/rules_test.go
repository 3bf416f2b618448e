package arch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// own spells a package of this module in the tables below.
func own(name string) string { return Module + "/" + name }

func TestEachRuleFindsItsViolations(t *testing.T) {
	cases := []struct {
		name      string
		rule      string // the Packages of the rule that applies
		allowed   []string
		forbidden []string
	}{
		{
			"domain", "domain/...",
			[]string{"time", "crypto/sha256", "encoding/json", "context", "net/netip", "regexp"},
			[]string{
				"os", "os/exec", "net", "net/url", "net/http", "io/fs", "log", "log/slog", "database/sql", "testing",
				own("ports"), own("application"), own("adapters/memory"), "github.com/google/uuid",
			},
		},
		{
			"ports", "ports/...",
			[]string{own("domain"), "context", "iter"},
			[]string{own("application"), own("adapters/memory"), "os", "net/http", "github.com/google/uuid"},
		},
		{
			"application", "application/...",
			[]string{own("domain"), own("ports"), "sync/atomic", "log/slog"},
			[]string{
				own("adapters/memory"), own("bootstrap"), own("migrations"), own("test/contract"),
				"os", "net", "net/http", "database/sql", "go.uber.org/fx", "golang.org/x/sync/errgroup",
			},
		},
		{
			"adapters/apiclient", "adapters/apiclient/...",
			[]string{"net/http", "encoding/json"},
			[]string{own("domain"), own("ports"), own("adapters/httpapi"), "github.com/google/uuid"},
		},
		{
			"adapters/httpapi", "adapters/httpapi/...",
			[]string{own("domain"), own("ports"), own("application"), own("adapters/httpapi/pages"), "net/http", "github.com/gin-gonic/gin"},
			[]string{own("adapters/kumomta"), own("adapters/sqlstore"), own("bootstrap"), "database/sql", "github.com/nats-io/nats.go"},
		},
		{
			"adapters/kumomta", "adapters/kumomta/...",
			[]string{own("domain"), own("ports"), "github.com/goccy/go-json"},
			[]string{own("application"), own("adapters/httpapi"), "github.com/uptrace/bun"},
		},
		{
			"adapters/memory", "adapters/memory/...",
			[]string{own("domain"), own("ports"), "sync"},
			[]string{own("application"), own("adapters/sqlstore"), own("test/contract"), "github.com/redis/go-redis/v9"},
		},
		{
			"adapters/natsbus", "adapters/natsbus/...",
			[]string{own("domain"), own("ports"), "github.com/nats-io/nats.go/jetstream"},
			[]string{own("application"), own("adapters/memory"), "go.uber.org/fx", "github.com/joho/godotenv"},
		},
		{
			"adapters/rediscache", "adapters/rediscache/...",
			[]string{own("domain"), own("ports"), "github.com/redis/go-redis/v9"},
			[]string{own("application"), own("adapters/memory"), "github.com/jackc/pgx/v5"},
		},
		{
			"adapters/rulebook", "adapters/rulebook/...",
			[]string{own("domain"), own("ports"), "embed", "github.com/pelletier/go-toml/v2"},
			[]string{own("application"), own("adapters/kumomta"), "github.com/gin-gonic/gin"},
		},
		{
			"adapters/sqlstore", "adapters/sqlstore/...",
			[]string{own("domain"), own("ports"), own("migrations"), "database/sql", "modernc.org/sqlite"},
			[]string{own("application"), own("adapters/memory"), "github.com/gin-gonic/gin", "github.com/caarlos0/env/v11"},
		},
		{
			"adapters/telemetry", "adapters/telemetry/...",
			[]string{own("domain"), own("ports"), own("application"), "github.com/prometheus/client_golang/prometheus"},
			[]string{own("adapters/httpapi"), "github.com/alecthomas/kong"},
		},
		{
			"migrations", "migrations/...",
			[]string{"embed", "io/fs"},
			[]string{own("domain"), own("adapters/sqlstore"), "github.com/uptrace/bun/migrate"},
		},
		{
			"bootstrap/cmd/kumotrail", "bootstrap/...",
			[]string{own("bootstrap"), own("application"), own("adapters/sqlstore"), "os", "go.uber.org/fx", "github.com/nats-io/nats.go"},
			[]string{own("test/contract"), own("test/bench")},
		},
		{
			"test/contract", "test/contract/...",
			[]string{own("domain"), own("ports"), "testing", "github.com/google/go-cmp/cmp", "pgregory.net/rapid"},
			[]string{own("application"), own("adapters/memory"), own("bootstrap"), "go.uber.org/goleak", "github.com/uptrace/bun"},
		},
		{
			"test/bench", "test/...",
			[]string{own("bootstrap"), own("adapters/sqlstore"), "net/http", "github.com/uptrace/bun"},
			nil, // programs of tests may import everything
		},
	}
	tried := map[string]bool{}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rule, ok := ruleOf(c.name)
			if !ok || rule.Packages != c.rule {
				t.Fatalf("rule is %q, want %q", rule.Packages, c.rule)
			}
			tried[rule.Packages] = true
			if v := Violations(Package{own(c.name), c.allowed}); len(v) > 0 {
				t.Errorf("refused: %q", v)
			}
			for _, imported := range c.forbidden {
				if v := Violations(Package{own(c.name), []string{imported}}); len(v) == 0 {
					t.Errorf("%s may import %s", c.name, imported)
				}
			}
		})
	}
	for _, r := range Rules {
		if !tried[r.Packages] {
			t.Errorf("no case tries the rule of %s", r.Packages)
		}
	}
}

func TestEachTechnologyIsRefusedAwayFromHome(t *testing.T) {
	for _, technology := range Technologies {
		imported := technology.Import[:len(technology.Import)-len("/...")]
		if v := Violations(Package{own("adapters/memory"), []string{imported}}); len(v) == 0 {
			t.Errorf("adapters/memory may import %s", imported)
		}
		if v := Violations(Package{own(technology.Home), []string{imported}}); len(v) > 0 {
			t.Errorf("refused at home: %q", v)
		}
	}
}

func TestAPackageWithoutARuleIsAViolation(t *testing.T) {
	for _, name := range []string{"", "internal/utils", "adapters", "adapters/clickhouse", "domainx"} {
		importPath := Module
		if name != "" {
			importPath = own(name)
		}
		if diff := cmp.Diff([]string{name + " has no place in the design"}, Violations(Package{ImportPath: importPath})); diff != "" {
			t.Errorf("%q -want +got:\n%s", name, diff)
		}
	}
}

func TestPatternsMatchWholeElements(t *testing.T) {
	cases := []struct {
		pattern, name string
		want          bool
	}{
		{"...", "anything/at/all", true},
		{"net/netip", "net/netip", true},
		{"net/netip", "net", false},
		{"crypto/...", "crypto", true},
		{"crypto/...", "crypto/sha256", true},
		{"crypto/...", "cryptography", false},
		{"io", "io/fs", false},
	}
	for _, c := range cases {
		if got := matches(c.pattern, c.name); got != c.want {
			t.Errorf("matches(%q, %q) is %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
