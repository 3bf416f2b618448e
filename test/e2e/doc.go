// Package e2e tests the service as its users meet it: the binary is built and
// run as a process, log records are posted to it, and what became of them is
// read where anyone reads it: from the export, the stats, the quarantine and
// the stream. What is expected comes from a small model of the records that
// shares no code with the service.
package e2e
