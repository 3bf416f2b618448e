// Package servers starts real servers for tests: one of a kind for each test
// process, on the first demand. A server ends with the process that started it,
// however that ends, and leaves no files.
//
// A server that is not installed fails the test with the command that installs
// it. TEST_PG_URL names a PostgreSQL that runs already and is used instead.
package servers
