package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/bootstrap"
)

// policyCommand needs no store.
type policyCommand struct {
	Write policyWrite `cmd:"" help:"Write Lua policy and tables for KumoMTA, by the KUMOMTA_ settings. Files that were edited since are left to you: see --keep and --force."`
}

type policyWrite struct {
	Dir   string `arg:"" help:"Folder, on the MTA's machine /opt/kumomta/etc/policy. It is made if there is none."`
	Keep  bool   `xor:"edited" help:"Leave edited files as they are and write the others."`
	Force bool   `xor:"edited" help:"Replace edited files."`
}

func (c *policyWrite) Run() error {
	o, err := bootstrap.LoadPolicy()
	if err != nil {
		return err
	}
	return c.write(o, os.Stdout)
}

func (c *policyWrite) write(o policy.Options, out io.Writer) error {
	result, err := policy.Write(c.Dir, o, c.edited())
	if edited, ok := errors.AsType[*policy.EditedError](err); ok {
		return fmt.Errorf("nothing is written, for %w\nLook at them, and use --keep to leave them and write the others, or --force to replace them", edited)
	}
	if err != nil {
		return err
	}
	for _, name := range result.Written {
		fmt.Fprintf(out, "wrote %s\n", name)
	}
	for _, name := range result.Kept {
		fmt.Fprintf(out, "kept %s, which was edited\n", name)
	}
	if len(result.Written)+len(result.Kept) == 0 {
		fmt.Fprintln(out, "all files are as they should be")
	}
	for _, s := range o.Secrets() {
		fmt.Fprintf(out, "kumod reads %s: %s\n", s.File, s.Holds)
	}
	for _, w := range o.Warnings() {
		fmt.Fprintf(out, "warning: %s\n", w)
	}
	return nil
}

func (c *policyWrite) edited() policy.Edited {
	switch {
	case c.Keep:
		return policy.KeepEdited
	case c.Force:
		return policy.ReplaceEdited
	}
	return policy.RefuseEdited
}
