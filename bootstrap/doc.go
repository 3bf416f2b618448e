// Package bootstrap puts the service together: settings from the environment,
// the adapters they ask for, and the use cases between them. It alone knows fx
// and the environment.
package bootstrap
