// Package policy is KumoMTA's side of this service: Lua policy and tables that
// lose no log event on the way here (docs/kumomta.md, sections 4, 5, 7 and 8),
// embedded and written out for one installation.
//
// Only constants.lua and the TOML files differ between installations. The other
// Lua files are written as they are under files/, so that what is tested there is
// what runs.
package policy
