package main

import (
	"bufio"
	"io"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/cli"
	"github.com/concrete-security/auth-service/internal/keyringfile"
)

// complete prints what a shell can complete from the keyring, one word a line. It
// never fails because of the keyring: a shell would show the error in the middle of
// what somebody types.
func complete(p *process, c *cli.Complete) error {
	text, err := keyringfile.Read(c.Keyring)
	if err != nil {
		return nil // there is nothing to complete
	}
	defer text.Wipe()
	return printWords(p.stdout, text.Entries(), c.What == "principals")
}

// printWords prints each principal once, or all key ids.
func printWords(to io.Writer, entries []core.Entry, principals bool) error {
	out := bufio.NewWriter(to)
	seen := map[string]bool{}
	for i := range entries {
		word := entries[i].Principal
		if !principals {
			word = entries[i].Credential.KeyID().String()
		} else if seen[word] {
			continue
		} else {
			seen[word] = true
		}
		_, _ = out.WriteString(word + "\n") // Flush returns the error
	}
	return out.Flush()
}
