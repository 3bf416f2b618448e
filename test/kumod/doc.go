// Package kumod stands in for KumoMTA: it runs a policy under Lua 5.4 with the
// functions, helpers and events of a chosen release, and lets a test fire the
// events and answer what the policy asks of the world.
//
// It is stricter than the original where that finds mistakes. An unknown option,
// function or event, one that the release does not have yet, a handler that
// nothing would ever call, a global, a change of signed mail: each is an error.
// What it knows is KumoMTA's public reference and source (docs/kumomta.md).
package kumod
