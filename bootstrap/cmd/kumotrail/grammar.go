package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// description is what the program is for.
const description = "What became of each message sent through KumoMTA. " +
	"Settings come from the environment and a file .env: see docs/settings.md."

// newParser returns the parser of the command line into c.
func newParser(c *cli, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(c, append([]kong.Option{
		kong.Name("kumotrail"), kong.Description(description), kong.UsageOnError(), kong.Exit(usage),
	}, options...)...)
}

// unknownCommand returns the first word of a command line if no command has that
// name. Kong takes it for an argument of the default one, which has none.
func unknownCommand(program *kong.Node, args []string) (word string, ok bool) {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		return "", false
	}
	is := func(n *kong.Node) bool { return n.Name == args[0] }
	return args[0], !slices.ContainsFunc(program.Children, is)
}

// command is one of the program's commands, as manual and completions tell of
// it.
type command struct {
	Path     string // "/quarantine/list", "" for the program
	Name     string
	Help     string
	Usage    string
	Commands []command
	Flags    []flag // its own
	Words    []string
	Default  bool // what is done without a command
}

// flag is an option of a command's.
type flag struct {
	Name  string
	Help  string
	Value string // how its value is shown, "" for one that takes none
	Env   []string
}

// grammar returns what the command line understands.
func grammar() (command, error) {
	parser, err := newParser(&cli{})
	if err != nil {
		return command{}, err
	}
	return commandOf(parser.Model.Node, ""), nil
}

func commandOf(n *kong.Node, path string) command {
	c := command{Path: path, Name: n.Name, Help: n.Help, Usage: strings.TrimSpace(n.Summary())}
	for _, f := range n.Flags {
		if !f.Hidden {
			c.Flags = append(c.Flags, flagOf(f))
		}
	}
	for _, p := range n.Positional {
		if p.Enum != "" {
			c.Words = append(c.Words, p.EnumSlice()...)
		}
	}
	for _, child := range n.Children {
		if !child.Hidden {
			of := commandOf(child, path+"/"+child.Name)
			of.Default = n.DefaultCmd == child
			c.Commands = append(c.Commands, of)
		}
	}
	return c
}

func flagOf(f *kong.Flag) flag {
	of := flag{Name: f.Name, Help: f.Help, Env: f.Envs}
	if !f.IsBool() {
		of.Value = f.FormatPlaceHolder()
	}
	return of
}

// all returns the command and those below it, in the order of the grammar.
func (c command) all() []command {
	list := []command{c}
	for _, child := range c.Commands {
		list = append(list, child.all()...)
	}
	return list
}
