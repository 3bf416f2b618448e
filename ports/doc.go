// Package ports says what the use cases need from outside. Each interface has
// one suite in test/contract that all its adapters pass.
//
// All methods are safe for concurrent use unless they say otherwise.
package ports

import "errors"

// Errors that callers branch on. Adapters wrap them around the driver's own.
var (
	// ErrUnavailable says that the other side cannot be reached or is closed; the same
	// call may succeed later.
	ErrUnavailable = errors.New("unavailable")
	// ErrRefused says that the other side is well but does not take this content; the
	// same call fails again.
	ErrRefused = errors.New("refused")
	// ErrOverloaded says that more is waiting than may be held; the same call may
	// succeed later.
	ErrOverloaded = errors.New("overloaded")
	// ErrNotFound says that there is nothing of that name.
	ErrNotFound = errors.New("not found")
)
