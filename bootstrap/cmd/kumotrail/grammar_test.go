package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func program(t *testing.T) command {
	t.Helper()
	c, err := grammar()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestManualHasEveryCommandAndOption(t *testing.T) {
	var out strings.Builder
	if err := writeManual(&out, program(t), "v9"); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if !strings.HasPrefix(page, ".TH KUMOTRAIL 1 ") || !strings.Contains(page, "kumotrail v9") {
		t.Errorf("begins with %.80q", page)
	}
	for _, c := range program(t).all()[1:] {
		if len(c.Commands) == 0 && !strings.Contains(page, "\n.SS "+roff(strings.TrimPrefix(c.Usage, "kumotrail "))+"\n"+roff(c.Help)) {
			t.Errorf("%s is not told of", c.Path)
		}
		for _, f := range c.Flags {
			if !strings.Contains(page, "\n.B "+roff("--"+f.Name)) || !strings.Contains(page, roff(f.Help)) {
				t.Errorf("%s --%s is not told of", c.Path, f.Name)
			}
		}
	}
	for line := range strings.SplitSeq(page, "\n") {
		macro, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(line, ".") && !strings.Contains(".TH .SH .SS .TP .B .br", macro) || strings.HasPrefix(line, "'") {
			t.Errorf("no macro of man(7): %q", line)
		}
	}
}

func TestRoffIsLeftNothingToSee(t *testing.T) {
	for text, want := range map[string]string{
		"a-b": `a\-b`, `C:\x`: `C:\ex`, ".env": `\&.env`, "'tis": `\&'tis`, "two\nlines": "two lines",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestCompletionsHaveEveryCommandAndOption(t *testing.T) {
	for shell, forms := range map[string][2]string{
		"bash": {"", "--"}, "zsh": {"'", "'--"}, "fish": {"-a '", "-l '"},
	} {
		script := completion(t, shell)
		for _, c := range program(t).all() {
			if c.Path != "" && (!strings.Contains(script, c.Path) || !strings.Contains(script, forms[0]+c.Name)) {
				t.Errorf("%s: no %s", shell, c.Path)
			}
			for _, f := range c.Flags {
				if !strings.Contains(script, forms[1]+f.Name) {
					t.Errorf("%s: no %s --%s", shell, c.Path, f.Name)
				}
			}
		}
	}
}

func completion(t *testing.T, shell string) string {
	t.Helper()
	var out strings.Builder
	if err := writeCompletion(&out, shell, program(t)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBashCompletesCommandLines(t *testing.T) {
	script := filepath.Join(t.TempDir(), "kumotrail")
	if err := os.WriteFile(script, []byte(completion(t, "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"kumotrail re":                          "replay",
		"kumotrail quarantine ":                 "list show retry",
		"kumotrail --log-level quarantine sh":   "show",
		"kumotrail replay --ch":                 "--checkpoint",
		"kumotrail replay --follow /var/log --": "--since --until --checkpoint --follow --dry-run --patience",
		"kumotrail completion ":                 "bash zsh fish",
		"kumotrail replay /var/lo":              "",
	} {
		words := strings.Split(line, " ")
		command := exec.Command("bash", "-c", `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kumotrail; echo "${COMPREPLY[*]}"`, "bash", script)
		command.Args = append(command.Args, words...)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		if diff := cmp.Diff(want, strings.TrimSpace(string(out))); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestQuotedTextIsOneWord(t *testing.T) {
	if got := quote("KumoMTA's"); got != `'KumoMTA'\''s'` {
		t.Error(got)
	}
}
