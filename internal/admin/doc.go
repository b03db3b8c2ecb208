// Package admin serves an http.Handler to scrapers and orchestrators, so that
// nothing of a request stays in memory and nobody can use it to starve the
// process.
//
// A server of net/http makes strings of all that a request holds, and these stay
// until their memory is used for something else. Whoever mistakes the admin
// listener for the service sends it tokens. So here a head is read into a buffer
// of the connection's own, reduced to a few constants (head.go), and wiped; the
// handler gets a request that is made of these constants.
package admin
