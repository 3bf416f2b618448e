package httpapi_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var loaded = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

// All that the page loads is in the binary, and its policy lets nothing else in.
func TestSwaggerUILoadsNothingFromElsewhere(t *testing.T) {
	s := newService()
	resp := s.asked(http.MethodGet, "/api/kumomta/openapi")
	page := resp.Body.String()
	if resp.Code != http.StatusOK {
		t.Fatalf("%d %s", resp.Code, page)
	}
	policy := resp.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("policy %q has no %q", policy, part)
		}
	}
	files := loaded.FindAllStringSubmatch(page, -1)
	if len(files) < 4 || strings.Contains(page, "://") {
		t.Errorf("the page is\n%s", page)
	}
	for _, file := range files {
		for _, encoding := range []string{"gzip", "identity"} {
			path := "/api/kumomta/" + file[1]
			resp := s.asked(http.MethodGet, path, "Accept-Encoding", encoding)
			body := io.Reader(resp.Body)
			if resp.Header().Get("Content-Encoding") == "gzip" {
				var err error
				if body, err = gzip.NewReader(resp.Body); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			text, err := io.ReadAll(body)
			if resp.Code != http.StatusOK || err != nil || len(text) < 100 || strings.HasPrefix(resp.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s, %s: %d, %s, %d bytes, %v", path, encoding, resp.Code, resp.Header().Get("Content-Type"), len(text), err)
			}
		}
	}
}

func TestSwaggerUIForgetsKeys(t *testing.T) {
	text := newService().asked(http.MethodGet, "/api/kumomta/openapi/start.js").Body.String()
	if !strings.Contains(text, "persistAuthorization: false") || !strings.Contains(text, "validatorUrl: null") {
		t.Error(text)
	}
}

func TestOnlyFilesOfSwaggerUIAreServed(t *testing.T) {
	s := newService()
	for _, path := range []string{"/", "/embed.go", "/oauth2-redirect.html", "/swagger-ui-nothing.js", "/swagger-ui%2F..%2Fembed.go", "/a/b"} {
		if p := problemOf(t, s.asked(http.MethodGet, "/api/kumomta/openapi"+path)); p.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
}
