package core

import "strings"

// names gives each distinct principal and set of scopes a number, from 1 on.
type names struct {
	principals  []string
	principalOf map[string]uint32
	scopeSets   []scopeSet
	scopeSetOf  map[string]uint32
}

func newNames() *names {
	return &names{
		principals:  []string{""},
		principalOf: map[string]uint32{},
		scopeSets:   []scopeSet{{}},
		scopeSetOf:  map[string]uint32{},
	}
}

func (n *names) principal(name string) uint32 {
	id, ok := n.principalOf[name]
	if !ok {
		id = uint32(len(n.principals))
		n.principalOf[name] = id
		n.principals = append(n.principals, name)
	}
	return id
}

func (n *names) scopeSet(scopes []string) uint32 {
	key := strings.Join(scopes, ",")
	id, ok := n.scopeSetOf[key]
	if !ok {
		id = uint32(len(n.scopeSets))
		n.scopeSetOf[key] = id
		n.scopeSets = append(n.scopeSets, scopeSet{
			any:   len(scopes) == 1 && scopes[0] == AnyScope,
			list:  strings.Join(scopes, " "),
			names: append([]string(nil), scopes...),
		})
	}
	return id
}
