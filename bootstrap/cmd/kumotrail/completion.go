package main

import (
	_ "embed" // the scripts
	"io"
	"os"
	"slices"
	"strings"
	"text/template"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCommand) Run() error {
	program, err := grammar()
	if err != nil {
		return err
	}
	return writeCompletion(os.Stdout, c.Shell, program)
}

var (
	//go:embed completion/bash.tmpl
	bashScript string
	//go:embed completion/zsh.tmpl
	zshScript string
	//go:embed completion/fish.tmpl
	fishScript string
)

// writeCompletion writes the script that completes command lines in a shell. It
// knows all commands and options; everything else is a file.
func writeCompletion(out io.Writer, shell string, program command) error {
	script := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[shell]
	t, err := template.New(shell).Funcs(template.FuncMap{
		"quote": quote, "describe": describe, "words": words, "paths": paths,
	}).Parse(script)
	if err != nil {
		return err
	}
	return t.Execute(out, program.all())
}

// quote returns text as one word of any of the shells: none of them sees
// anything in single quotes but their end. fish sees backslashes too, which the
// help texts have none of.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// describe returns a word with its description as zsh's _describe takes it.
func describe(word, help string) string {
	return quote(strings.ReplaceAll(word, ":", `\:`) + ":" + help)
}

// words returns what may come behind a command.
func words(c command) string {
	list := slices.Clone(c.Words)
	for _, child := range c.Commands {
		list = append(list, child.Name)
	}
	for _, f := range c.Flags {
		list = append(list, "--"+f.Name)
	}
	return strings.Join(list, " ")
}

// paths returns the paths of all commands with a separator between.
func paths(commands []command, separator string) string {
	var list []string
	for _, c := range commands {
		if c.Path != "" {
			list = append(list, c.Path)
		}
	}
	return strings.Join(list, separator)
}
