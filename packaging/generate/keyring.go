package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/tokens"
)

// An attribute is one of a keyring line.
type attribute struct{ name, value, meaning string }

func attributes() []attribute {
	scopes := "What the token may be used for: a comma list of scopes, or " + core.AnyScope +
		" for anything. Without it the token has no scope, and passes only where none is asked for. " +
		sentence(core.CheckScope(""))
	return []attribute{
		{"scope", "LIST", scopes},
		{
			"expires", "TIME",
			"When the token stops working: an RFC 3339 time, or a date, which means 00:00 UTC at the start of that day. " +
				"From that instant on the token is denied.",
		},
		{"created", "TIME", "When the token was made: an RFC 3339 time, or a date. It is for people; no verdict depends on it."},
	}
}

// sampleKeyring is a keyring of two entries.
func sampleKeyring() (text string, entries []core.Entry) {
	expires, _ := core.ParseTime([]byte("2027-01-31"))
	created, _ := core.ParseTime([]byte("2026-11-25"))
	entries = []core.Entry{
		{Principal: "ci", Credential: core.CredentialOf([]byte("the token of ci")), Scopes: []string{"metrics", "deploy"}, Expires: expires, Created: created},
		{Principal: "grafana", Credential: core.CredentialOf([]byte("the token of grafana")), Scopes: []string{"metrics"}, Expires: core.Never, Created: created},
	}
	b := []byte("# principal credential attributes\n")
	for _, e := range entries {
		line, err := e.AppendLine(b)
		if err != nil {
			panic(err) // they are constants
		}
		b = append(line, '\n')
	}
	return string(b), entries
}

// keyringPage returns the page on the keyring file. What core knows comes from there.
func (p *program) keyringPage(version string, at time.Time) []byte {
	var b bytes.Buffer
	text, entries := sampleKeyring()
	id := entries[1].Credential.KeyID().String()
	section := func(name string, paragraphs ...string) {
		b.WriteString(".SH " + name + "\n" + strings.Join(paragraphs, "\n.PP\n") + "\n")
	}
	b.WriteString(title("AUTH-SERVICE-KEYRING", 5, "File Formats", version, at))
	section("NAME", `auth\-service\-keyring \- the tokens that auth\-service accepts, hashed`)
	section("DESCRIPTION",
		"A keyring is a text file that says which tokens "+`\fBauth\-service\fR(8) accepts, what each may be used for, and until when.`+
			" It holds hashes, so reading it reveals no token. The service reads it from where "+
			`\fBAUTH_SERVICE_KEYRING\fR or \fB\-\-keyring\fR points, and again within a second of a change.`,
		roff("The commands token new, add, rotate and revoke edit it. They keep comments, order, owner and mode, "+
			"and put a whole new file in the place of the old one. A new file has mode 0600. "+
			"They follow a symbolic link to the file. Two of them at once wait for each other."))
	section("FORMAT",
		fmt.Sprintf("The file is UTF\\-8 text. Each line has at most %d bytes and ends with a newline, the last one too. "+
			"The file has at most %d MiB. A line is empty, or", core.MaxLine, tokens.MaxKeyringFile>>20),
		`.RS 4
\fIprincipal credential\fR [\fIattribute\fR ...] [\fB#\fR \fIcomment\fR]
.RE`)
	for _, part := range [][2]string{
		{"principal", "Whose token it is. " + sentence(core.CheckPrincipal("")) + " It may be on several lines."},
		{"credential", fmt.Sprintf("sha256: and the SHA-256 of the token's bytes in %d hexadecimal digits. There is no plaintext form. No two lines have the same.", 2*len(core.Credential{}))},
	} {
		fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", part[0], roff(part[1]))
	}
	for _, a := range attributes() {
		fmt.Fprintf(&b, ".TP\n\\fB%s=\\fR\\fI%s\\fR\n%s\n", a.name, a.value, roff(a.meaning))
	}
	b.WriteString(".PP\n" + roff("The service takes the whole file or refuses it. It refuses unknown attributes and a byte order mark too. "+
		"The error names up to ten wrong lines.") + "\n")
	section("KEY IDS", roff(fmt.Sprintf("The key id of a token is the first %d digits of its credential. "+
		"Wherever a token is named, it is named by principal and key id, such as grafana %s. It is not secret.", len(id), id)))
	section("READING AGAIN",
		roff("A change is in force within a second, and nothing is restarted. SIGHUP makes the service read the file at once. "+
			"If the file is broken, unreadable or gone, what was read last stays in force, and the log says so. "+
			"So deleting the file revokes nothing; token revoke --all does."),
		roff("If you edit the file by hand, write a new file and rename it into place. auth-service check says what is wrong with it."))
	section("FILES")
	b.WriteString(".TP\n.I /etc/auth\\-service/keyring\n" + roff("The keyring of the examples for systemd and for containers.") + "\n")
	writeExamples(&b, append([]example{{fmt.Sprintf("A keyring of two tokens. The key id of the second is %s:", id), strings.TrimSuffix(text, "\n")}}, keyringExamples...))
	b.WriteString(".SH SEE ALSO\n.BR auth\\-service (8),\n" + seeAlso)
	return b.Bytes()
}

// sentence makes one of an error, which says a rule.
func sentence(rule error) string {
	text := []rune(rule.Error())
	return string(unicode.ToUpper(text[0])) + string(text[1:]) + "."
}
