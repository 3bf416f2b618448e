// Package domain holds what kumotrail knows of mail: what an event is and how
// it is told from every other one, and what the events of a message, in
// whatever order they come, say together about it.
//
// Everything here is a pure value or a pure rule. Times are given, never read
// from a clock, and are UTC.
package domain
