package policy

import "regexp"

// Releases of KumoMTA, which are named by date.
const (
	Oldest = "2024.11.08" // the first whose log hooks send batches
	Newest = "2026.06.23" // the newest that the policy was written for
)

// release is a date with or without the commit behind it, as kumod shows it.
var release = regexp.MustCompile(`^20\d\d\.\d\d\.\d\d(-[0-9a-f]{8})?$`)

// has says whether a release is that of since or a later one: the commit behind
// a date sorts after it.
func has(version, since string) bool { return version >= since }
