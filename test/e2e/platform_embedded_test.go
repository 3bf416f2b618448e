//go:build embedded

package e2e

import "testing"

// onEveryPlatform tells a story on the embedded default, the one platform that
// needs no servers, of a service that is not started.
func onEveryPlatform(t *testing.T, story func(t *testing.T, s *Service)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		story(t, newService(t))
	})
}
