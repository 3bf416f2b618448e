package main

import (
	"log/slog"
	"testing"

	"github.com/kumotrail/kumotrail/bootstrap"
)

func TestWordThatIsNoCommandIsToldFromWrongArguments(t *testing.T) {
	parser, err := newParser(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]bool{"erase": true, "replya": true, "serve": false, "quarantine": false, "--log-level": false} {
		if _, unknown := unknownCommand(parser.Model.Node, []string{word, "x"}); unknown != want {
			t.Errorf("%s: unknown %v, want %v", word, unknown, want)
		}
	}
	if word, unknown := unknownCommand(parser.Model.Node, nil); unknown {
		t.Errorf("no word is taken for the command %q", word)
	}
}

func TestLevelOfTheCommandLineCountsMoreThanTheSetting(t *testing.T) {
	settings := bootstrap.Settings{LogLevel: slog.LevelWarn}
	for _, c := range []struct {
		args []string
		want slog.Level
	}{
		{nil, slog.LevelWarn},
		{[]string{"--log-level=debug"}, slog.LevelDebug},
		{[]string{"replay", "--log-level", "error", "-"}, slog.LevelError},
	} {
		var parsed cli
		parser, err := newParser(&parsed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(c.args); err != nil {
			t.Fatal(err)
		}
		log := newLog(settings, parsed.LogLevel)
		if !log.Enabled(t.Context(), c.want) || log.Enabled(t.Context(), c.want-1) {
			t.Errorf("%q: not from level %v on", c.args, c.want)
		}
	}
}
