package server

import "strings"

// printable cuts b at maxLogged bytes and escapes what could disturb a
// terminal or forge a line.
func printable(b []byte) string {
	const hexDigits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		if escaped := c < ' ' || c >= 0x7f || c == '\\'; escaped {
			if s.Len()+len(`\x00`) > maxLogged {
				break
			}
			s.WriteString(`\x`)
			s.WriteByte(hexDigits[c>>4])
			s.WriteByte(hexDigits[c&0xf])
			continue
		}
		if s.Len() == maxLogged {
			break
		}
		s.WriteByte(c)
	}
	return s.String()
}
