package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

type queryFaultsKey struct{}

// queryFaults are what checkQuery found.
func queryFaults(ctx context.Context) []string {
	faults, _ := ctx.Value(queryFaultsKey{}).([]string)
	return faults
}

// checkQuery looks for what huma lets pass. It answers nothing itself, so that
// its findings stand beside huma's own.
func checkQuery(ctx huma.Context, next func(huma.Context)) {
	address := ctx.URL()
	if faults := faultsOfQuery(address.RawQuery, ctx.Operation()); len(faults) > 0 {
		ctx = huma.WithValue(ctx, queryFaultsKey{}, faults)
	}
	next(ctx)
}

func faultsOfQuery(raw string, op *huma.Operation) []string {
	if raw == "" {
		return nil
	}
	var faults, known []string
	values, err := url.ParseQuery(raw)
	if err != nil {
		// What cannot be read is left out of values: a filter would be gone.
		faults = append(faults, fmt.Sprintf("the query cannot be read: %v", err))
	}
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		known = append(known, p.Name)
		// The zero time of Go's, which a client has sent that has none: here it
		// would be none too, and all were answered.
		if at, err := time.Parse(time.RFC3339, values.Get(p.Name)); err == nil && at.IsZero() {
			faults = append(faults, p.Name+" must be a time as in 2026-07-25T17:20:00Z, or left out")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, name) {
			faults = append(faults, unknownName(name, known))
		} else if fault := faultOfValues(name, values[name]); fault != "" {
			faults = append(faults, fault)
		}
	}
	return faults
}

func unknownName(name string, known []string) string {
	if len(known) == 0 {
		return fmt.Sprintf("%.64q is not a parameter here; there are none", name)
	}
	return fmt.Sprintf("%.64q is not a parameter here; those are %s", name, strings.Join(known, ", "))
}

// faultOfValues says what is wrong with a parameter whatever it means. An empty
// one is what a client's empty variable leaves, who would get all for nothing.
func faultOfValues(name string, values []string) string {
	switch value := values[0]; {
	case len(values) > 1:
		return fmt.Sprintf("%s is given %d times", name, len(values))
	case value == "":
		return name + " is empty; give it a value or leave it out"
	case strings.IndexByte(value, 0) >= 0:
		return name + " has a NUL in it"
	case !utf8.ValidString(value):
		return name + " is not UTF-8"
	}
	return ""
}

// faultOf says what huma found wrong: of a parameter by its bounds, of a body by
// the place. Values are not repeated, for they may be addresses.
func faultOf(op *huma.Operation, err error) string {
	var found *huma.ErrorDetail
	if !errors.As(err, &found) {
		return err.Error()
	}
	in, name, _ := strings.Cut(found.Location, ".")
	name, _, _ = strings.Cut(name, "[") // of a list's element
	i := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.In == in && p.Name == name })
	switch {
	case i >= 0:
		return name + " must be " + allowed(op.Parameters[i].Schema) + hint(op.Parameters[i].Schema, found.Value)
	case found.Location == "body" && !strings.HasPrefix(found.Message, "expected"):
		return "the body is not JSON of the kind that is wanted here: " + found.Message
	}
	return fmt.Sprintf("%.200s: %s", found.Location, found.Message) // it may end with a name that was sent
}

// hint says what is behind a fault that one looks for in vain: a time whose offset
// is right but for its plus sign, which in a query means a blank.
func hint(s *huma.Schema, value any) string {
	text, _ := value.(string)
	if _, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "+", 1)); s.Format == "date-time" && err == nil {
		return ", the plus sign of an offset written as %2B"
	}
	return ""
}

// allowed says in words what a schema allows.
func allowed(s *huma.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return "one of " + list(s.Enum)
	case s.PatternDescription != "":
		return s.PatternDescription
	case s.Format == "date-time":
		return "a time as in 2026-07-25T17:20:00Z"
	case s.Type == huma.TypeBoolean:
		return "true or false"
	case s.Type == huma.TypeInteger, s.Type == huma.TypeNumber:
		return "a whole number" + bounds(s)
	case s.Type == huma.TypeArray && s.MaxItems != nil:
		return fmt.Sprintf("at most %d, with commas between, each %s", *s.MaxItems, allowed(s.Items))
	case s.Type == huma.TypeArray:
		return "a list with commas between, each " + allowed(s.Items)
	case s.MaxLength != nil:
		return fmt.Sprintf("%d to %d characters long", orZero(s.MinLength), *s.MaxLength)
	}
	return "a text"
}

func list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func bounds(s *huma.Schema) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return " from " + number(s.Minimum) + " to " + number(s.Maximum)
	case s.Minimum != nil:
		return " from " + number(s.Minimum)
	case s.Maximum != nil:
		return " up to " + number(s.Maximum)
	}
	return ""
}

func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}
