package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

type manCommand struct{}

func (manCommand) Run() error {
	program, err := grammar()
	if err != nil {
		return err
	}
	return writeManual(os.Stdout, program, build().Version)
}

// writeManual writes the manual page of all commands in roff, with the macros of
// man(7).
func writeManual(out io.Writer, program command, version string) error {
	var m manual
	fmt.Fprintf(&m, ".TH KUMOTRAIL 1 \"\" %q \"User Commands\"\n", "kumotrail "+version)
	m.section("NAME")
	m.text("kumotrail \\- keep track of mail sent through KumoMTA")
	m.section("SYNOPSIS")
	for _, c := range program.all() {
		if len(c.Commands) == 0 {
			m.macro(".B kumotrail")
			m.text(roff(strings.TrimPrefix(c.Usage, "kumotrail ")))
			m.macro(".br")
		}
	}
	m.section("DESCRIPTION")
	m.text(roff(program.Help))
	m.section("OPTIONS")
	m.flags(program.Flags)
	m.section("COMMANDS")
	for _, c := range program.all()[1:] {
		if len(c.Commands) == 0 {
			m.command(c)
		}
	}
	m.section("EXIT STATUS")
	for _, status := range [...]struct {
		code int
		says string
	}{
		{exitDone, "Done."},
		{exitIncomplete, "Done, but not all is well: replay has something in quarantine or could not read a part, audit found something missing. For other commands: not done."},
		{exitUsage, "The command line is wrong."},
		{exitFailed, "Replay or audit ended early: the store stayed away, a path is not there, a setting is wrong."},
		{exitInterrupted, "Replay or audit was interrupted; a checkpoint was saved."},
	} {
		m.item(fmt.Sprint(status.code), roff(status.says))
	}
	m.section("FILES")
	m.item(".env", "Settings, beneath those of the environment.")
	m.item("./data", "DATA_DIR: embedded stores and keys that were made.")
	m.section("SEE ALSO")
	m.text("docs/settings.md, docs/operating.md and docs/replay.md of the sources.")
	_, err := m.WriteTo(out)
	return err
}

type manual struct{ bytes.Buffer }

func (m *manual) macro(line string)   { fmt.Fprintln(m, line) }
func (m *manual) text(line string)    { fmt.Fprintln(m, line) }
func (m *manual) section(name string) { fmt.Fprintln(m, ".SH "+name) }

func (m *manual) item(name, text string) {
	fmt.Fprintf(m, ".TP\n.B %s\n%s\n", roff(name), text)
}

func (m *manual) command(c command) {
	fmt.Fprintf(m, ".SS %s\n", roff(strings.TrimPrefix(c.Usage, "kumotrail ")))
	m.text(roff(c.Help))
	if c.Default {
		m.text("This is what is done without a command.")
	}
	m.flags(c.Flags)
}

func (m *manual) flags(flags []flag) {
	for _, f := range flags {
		name := "--" + f.Name
		if f.Value != "" {
			name += "=" + f.Value
		}
		help := f.Help
		if len(f.Env) > 0 {
			help += " Environment: " + strings.Join(f.Env, ", ") + "."
		}
		m.item(name, roff(help))
	}
}

// roff escapes text for a line of its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
