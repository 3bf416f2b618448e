// Package memory holds fakes of the ports, good enough to run the whole
// service on and held to the same suites as the real adapters. What they keep
// is gone with the process.
//
// For the tests of use cases they can be told to fail, to refuse, and to lose
// answers.
package memory
