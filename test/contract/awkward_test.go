package contract

import (
	"reflect"
	"testing"
	"time"
)

// A field that is added to logs has to be added to the one that caches keep, or
// a cache that loses it would pass.
func TestTheAwkwardLogHasSomethingInEveryField(t *testing.T) {
	requireFull(t, "EmailLog", reflect.ValueOf(awkwardLogs()[0]))
}

func requireFull(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	if v.IsZero() {
		t.Errorf("%s is empty", name)
	}
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range v.NumField() {
		requireFull(t, name+"."+v.Type().Field(i).Name, v.Field(i))
	}
}
