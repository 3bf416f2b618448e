// Package policy holds tests of the policy set that `kumotrail policy write`
// writes, run by a stand-in for KumoMTA (test/kumod): for every release that is
// supported, with each feature on and off, and for each answer that the hook may
// get.
package policy
