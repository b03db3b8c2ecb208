// Package wipehttp answers scrapers and orchestrators over HTTP. Nothing of a request
// stays in memory, and nobody can use the server to starve the process.
//
// A net/http server turns all parts of a request into strings, which stay until
// their memory is reused. Anyone who mistakes the admin listener for the service
// sends it tokens. So this package reads a head into the connection's own buffer,
// reduces it to a few constants (head.go), and wipes it. The handler gets a
// request built from these constants.
package wipehttp
