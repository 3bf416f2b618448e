// Package apidoc holds requests and answers against the service's own OpenAPI
// document.
package apidoc
