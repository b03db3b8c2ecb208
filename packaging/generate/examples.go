package main

import (
	"bytes"
	"fmt"
)

// An example is a command, or several on lines of their own, and what it is for.
type example struct{ purpose, commands string }

// manualExamples are those of auth-service(8). The tests run them in this order.
var manualExamples = []example{
	{"Make a token and put its hash into a keyring:", "TOKEN=$(auth-service token new -k keyring --principal grafana)"},
	{"Check the configuration, as a start would:", "auth-service check -k keyring"},
	{"Serve:", "HOST=127.0.0.1 AUTH_SERVICE_KEYRING=keyring auth-service"},
	{"Ask whether the service runs and somebody can pass:", "HOST=127.0.0.1 AUTH_SERVICE_KEYRING=keyring auth-service healthcheck --ready"},
}

// keyringExamples are those of auth-service-keyring(5). The tests run them in this
// order.
var keyringExamples = []example{
	{
		"Make a token for each of two locations, one of which it is for:",
		"TOKEN=$(auth-service token new -k keyring --principal grafana --scope metrics)\nCI=$(auth-service token new -k keyring --principal ci --scope deploy --expires 90d)",
	},
	{"List the tokens:", "auth-service token list -k keyring"},
	{
		"See what the service would decide, and why:",
		"printf %s \"$TOKEN\" | auth-service token verify -k keyring --scope metrics",
	},
	{
		"Replace a token. The older one works for seven more days, in which you move its clients to the new one:",
		"TOKEN=$(auth-service token rotate -k keyring grafana --grace 7d)",
	},
	{"Revoke a token; it is refused within a second:", "auth-service token revoke -k keyring ci"},
	{
		"Add a token that exists already:",
		"printf %s \"$CI\" | auth-service token add -k keyring --principal ci --scope deploy",
	},
}

func writeExamples(b *bytes.Buffer, examples []example) {
	b.WriteString(".SH EXAMPLES\n")
	for i, e := range examples {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		fmt.Fprintf(b, "%s\n.PP\n.in +4n\n.nf\n%s\n.fi\n.in\n", roff(e.purpose), roff(e.commands))
	}
}
