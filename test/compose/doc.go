// Package compose holds tests of compose.yaml: what it publishes, mounts and
// waits for, the names of settings in it, and that KumoMTA as it is configured
// there reaches the service and the sink.
package compose
