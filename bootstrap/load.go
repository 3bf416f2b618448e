package bootstrap

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// LoadSettings reads the environment and, beneath it, the file .env of the
// working folder. Its error is Faults: all that is wrong, not the first.
func LoadSettings() (Settings, error) {
	sources, err := environment()
	if err != nil {
		return Settings{}, err
	}
	return settingsFrom(sources...)
}

// environment returns what is set, what counts more last.
func environment() ([]map[string]string, error) {
	file, err := godotenv.Read(".env")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, Faults{fmt.Sprintf(".env: cannot be read: %v", err)}
	}
	return []map[string]string{file, env.ToMap(os.Environ())}, nil
}

// settingsFrom reads settings from maps, later ones over earlier ones.
func settingsFrom(sources ...map[string]string) (Settings, error) {
	s, f := parseSettings(sources...)
	rest, _ := errors.AsType[Faults](s.Validate())
	if f = append(f, rest...); len(f) > 0 {
		return Settings{}, f
	}
	return s, nil
}

// parseSettings reads settings whatever they say. One that cannot be read has its
// default, so that what is wrong with the others can be told beside it.
func parseSettings(sources ...map[string]string) (Settings, Faults) {
	merged := map[string]string{}
	for _, source := range sources {
		maps.Copy(merged, source)
	}
	var s Settings
	var f Faults
	err := env.ParseWithOptions(&s, env.Options{Environment: merged})
	if parse, ok := errors.AsType[env.AggregateError](err); ok {
		readable := maps.Clone(merged)
		for _, fault := range parse.Errors {
			name, text := describe(fault, merged)
			f = append(f, text)
			delete(readable, name)
		}
		s = Settings{}
		_ = env.ParseWithOptions(&s, env.Options{Environment: readable}) // all faults are known
	} else if err != nil {
		f.add("%v", err)
	}
	s.complete()
	if key, set := merged["X_KUMOMTA_KEY"]; set && key == "" {
		f.add("X_KUMOMTA_KEY: is set but empty; unset it or give it a key")
	}
	return s, f
}

// describe returns the variable that could not be read, and says what it should
// be.
func describe(fault error, values map[string]string) (name, text string) {
	parse, ok := errors.AsType[env.ParseError](fault)
	if !ok {
		return "", fault.Error()
	}
	field, ok := reflect.TypeFor[Settings]().FieldByName(parse.Name)
	if !ok {
		field, _ = reflect.TypeFor[MTASettings]().FieldByName(parse.Name)
	}
	name = field.Tag.Get("env")
	want := map[string]string{
		"Port": "a whole number", "RetentionDays": "a whole number of days", "RateLimit": "a whole number",
		"NATSMaxAge": "a duration as in 168h or 30m", "SpoolFlush": "true or false",
		"LogLevel": "one of debug, info, warn, error",
	}[parse.Name]
	if want == "" {
		want = strings.TrimPrefix(parse.Err.Error(), "not ")
	}
	return name, fmt.Sprintf("%s: %q is not %s", name, values[name], want)
}
