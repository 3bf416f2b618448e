// Package kumomta reads what KumoMTA writes: log records, and the bodies and
// files that carry them (docs/kumomta.md has the facts and where they come
// from).
//
// JSON is read here by hand. One pass splits a body, checks it, picks the few
// fields that are wanted and leaves each record's own bytes as they came, which
// no library does in one; and a record that is broken must not take its
// neighbours with it, which needs a reader that knows where to go on.
package kumomta
