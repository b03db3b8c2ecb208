// Package release holds what a release is made of to what the documents
// promise. Its tests look at what `goreleaser release --snapshot` left in the
// directory that AUTH_SERVICE_DIST names; without it they are skipped, since a
// snapshot takes minutes where nothing is cached.
package release
