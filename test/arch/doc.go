// Package arch holds the source tree to its design: who may import whom, and
// what stands at the top. Its tests look at the imports of the code, not of
// tests.
package arch
