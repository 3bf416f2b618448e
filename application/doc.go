// Package application holds the use cases: taking what a node sends, telling
// others of it, letting go of what is old, and looking after what could not be
// taken. They know the outside by ports alone, so that they run the same behind
// HTTP, in a command, in a test and in someone else's program.
package application
