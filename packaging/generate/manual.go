package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// manualEnd is what the model does not say, from the signals on.
const manualEnd = `.SH SIGNALS
.TP
.B SIGHUP
Read the token file and the keyring again. A file that cannot be understood is
reported, and what was in force stays in force.
.TP
.BR SIGTERM ", " SIGINT
Stop accepting, answer what arrives on open connections, then exit.
.SH EXIT STATUS
.TP
.B 0
It did what it was asked.
.TP
.B 1
It failed, and trying again may help: an address is taken or not there yet, a name does not resolve.
Or the answer is no:
.B healthcheck
found it not healthy or not ready,
.B token verify
found the token denied,
.B token revoke
or
.B token rotate
found no such token.
.TP
.B 2
It cannot be right before somebody changes the command line or the configuration; standard error says what.
.SH FILES
.TP
.I /etc/auth\-service/environment
Environment variables for the systemd unit of the deb, rpm and apk packages.
`

// seeAlso ends both pages.
const seeAlso = `.BR systemd.service (5),
.BR systemd.socket (5),
.UR https://github.com/concrete\-security/auth\-service
.UE
`

// manual returns the page in the man macros, which every man program reads.
func (p *program) manual(version string, at time.Time) []byte {
	var b bytes.Buffer
	b.WriteString(title("AUTH-SERVICE", 8, "System Administration", version, at))
	b.WriteString(".SH NAME\nauth\\-service \\- Bearer\\-token checks for reverse proxies\n.SH SYNOPSIS\n")
	for i, c := range p.commands {
		if i > 0 {
			b.WriteString(".br\n")
		}
		name := roff(c.name())
		if c.name() == defaultCommand {
			name = "\\fR[\\fB" + name + "\\fR]"
		}
		fmt.Fprintf(&b, "\\fBauth\\-service %s\\fR [\\fIoptions\\fR]", name)
		if c.arguments != "" {
			fmt.Fprintf(&b, " \\fI%s\\fR", roff(c.arguments))
		}
		b.WriteString("\n")
	}
	b.WriteString(".SH DESCRIPTION\n")
	for i, paragraph := range p.description {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roff(paragraph) + "\n")
	}
	b.WriteString(".SH COMMANDS\n")
	for _, c := range p.commands {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(c.name()), roff(c.summary))
		for _, o := range c.options {
			b.WriteString(".TP\n")
			if o.short != "" {
				fmt.Fprintf(&b, "\\fB\\-%s\\fR, ", roff(o.short))
			}
			fmt.Fprintf(&b, "\\fB\\-\\-%s\\fR", roff(o.long))
			if o.value != "" {
				fmt.Fprintf(&b, "=\\fI%s\\fR", roff(o.value))
			}
			fmt.Fprintf(&b, "\n%s\n", roff(o.help))
		}
	}
	b.WriteString(".SH ENVIRONMENT\nA variable that is set but empty counts as not set.\n")
	for _, v := range p.variables {
		fmt.Fprintf(&b, ".TP\n.B %s\n", roff(v.Name))
		if v.Flag == "" {
			b.WriteString(roff(v.Help) + "\n")
		} else {
			fmt.Fprintf(&b, "The same as \\fB\\-\\-%s\\fR.\n", roff(v.Flag))
		}
	}
	b.WriteString(manualEnd)
	writeExamples(&b, manualExamples)
	b.WriteString(".SH SEE ALSO\n.BR auth\\-service\\-keyring (5),\n" + seeAlso)
	return b.Bytes()
}

// title returns the first line of a page.
func title(name string, section int, volume, version string, at time.Time) string {
	return fmt.Sprintf(".TH %s %d %s \"auth\\-service %s\" \"%s\"\n", roff(name), section, at.Format(time.DateOnly), roff(version), volume)
}

// roff keeps text from being read as requests, escapes or typographic dashes.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", "\\`").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
