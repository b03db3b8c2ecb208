// Package page fills a page of HTML with values, each of them escaped.
//
//	template = *( text / value / section )
//	value    = "{{" name "}}"
//	section  = "{{#" name "}}" template "{{/" name "}}"   ; once for each of a list
//	         / "{{^" name "}}" template "{{/" name "}}"   ; if the list is empty
//
// A value stands in the text of an element, or in an attribute between double quotation
// marks. A section cannot be inside another one of the same name. html/template allows
// more; RATIONALE.md says what it would cost.
package page

import (
	"strings"
	"unicode"
)

// Data are what a template, or the part of it in a section, is filled with.
type Data struct {
	Values map[string]string
	Lists  map[string][]Data
}

// Set is a list that says yes or no: a section about it stands once, filled with what is
// around it, or not at all.
func Set(condition bool) []Data {
	if condition {
		return []Data{{}}
	}
	return nil
}

// Append appends the template, filled with d, to b. It panics if the template is wrong
// or names what d does not have, since a template is a part of the program.
func Append(b []byte, template string, d Data) []byte {
	for {
		text, rest, found := strings.Cut(template, "{{")
		b = append(b, text...)
		if !found {
			return b
		}
		tag, rest, _ := strings.Cut(rest, "}}")
		name := strings.TrimLeft(tag, "#^")
		if name == tag {
			value, known := d.Values[name]
			mustHave(known, tag)
			b, template = appendEscaped(b, value), rest
			continue
		}
		list, known := d.Lists[name]
		inside, rest, ends := strings.Cut(rest, "{{/"+name+"}}")
		mustHave(known && ends, tag)
		switch {
		case tag[0] == '#':
			for _, element := range list {
				if element.Values == nil && element.Lists == nil {
					element = d
				}
				b = Append(b, inside, element)
			}
		case len(list) == 0:
			b = Append(b, inside, d)
		}
		template = rest
	}
}

func mustHave(has bool, tag string) {
	if !has {
		panic("page: nothing fills {{" + tag + "}}, or it does not end")
	}
}

// appendEscaped appends a value so that it ends neither an element nor an attribute.
// What cannot be printed is replaced.
func appendEscaped(b []byte, value string) []byte {
	for _, r := range value {
		switch {
		case strings.ContainsRune(`&<>"'`, r):
			b = append(b, "&#"...)
			b = append(b, '0'+byte(r)/10, '0'+byte(r)%10, ';')
		case unicode.IsPrint(r):
			b = append(b, string(r)...)
		default:
			b = append(b, string(unicode.ReplacementChar)...)
		}
	}
	return b
}
