// Package release tests that a release has what the documents promise. Its tests look
// at what `goreleaser release --snapshot` left in the directory that AUTH_SERVICE_DIST
// names. Without the variable they are skipped, because a snapshot takes minutes.
package release
