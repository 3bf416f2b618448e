// Package servers starts real servers for tests: one of a kind for each test
// process, on the first demand. A server ends with the process that started it,
// however that ends, and leaves no files.
//
// A server that is not installed fails the test with the command that installs
// it, and so does a Lua that is not; test/setup.sh does so for make test.
// TEST_PG_URL and TEST_REDIS_URL name servers that run already and are used
// instead.
package servers
