// Package telemetry counts and measures what the service does, for Prometheus.
// It wraps ports and use cases, which know nothing of it, and keeps all in a
// registry of its own, so that several services may live in one process.
//
// docs/metrics.md lists every metric. Labels take values from lists that are
// fixed in the code: no address, domain, tenant, id or path of a request becomes
// one, whatever comes in.
package telemetry
