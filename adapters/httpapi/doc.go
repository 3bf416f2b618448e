// Package httpapi is the way in over HTTP: the webhook that KumoMTA posts log
// records to, the questions that may be asked of what is kept, and the probes
// that say whether the service works.
package httpapi
