package guest

import (
	"errors"
	"strconv"
	"strings"

	"github.com/concrete-security/auth-service/core"
)

// The keys of a plugin's configuration.
const (
	keyKeyring  = "keyring"
	keyScope    = "scope"
	keyAccept   = "accept"
	keyRealm    = "realm"
	keyIdentity = "identity"
	keyStrip    = "strip_authorization"
)

// maxScopes bounds the list of scopes, which goes into a response, in bytes.
const maxScopes = 4 << 10

var errNoToken = errors.New("the keyring has no token")

// A ConfigurationError says what is wrong with a plugin's configuration. It quotes
// nothing of the configuration that may be a secret.
type ConfigurationError struct {
	// Key is the key with the wrong value, or empty if the whole is wrong.
	Key string
	// Err says what is wrong.
	Err error
}

// Error names the key and what is wrong with its value.
func (e *ConfigurationError) Error() string {
	if e.Key == "" {
		return "the configuration: " + e.Err.Error()
	}
	return "the configuration's " + e.Key + ": " + e.Err.Error()
}

// Unwrap returns what is wrong with the value.
func (e *ConfigurationError) Unwrap() error { return e.Err }

// A Configuration is that of a plugin:
//
//	{
//	  "keyring": "text" or ["line", …],
//	  "scope": ["name", …],
//	  "accept": ["bearer", …],
//	  "realm": "text",
//	  "identity": ["user", …],
//	  "strip_authorization": false
//	}
//
// Only the keyring is required. A list other than the keyring may be written as one
// text with commas. A plugin is configured where many can read it, so there is no key
// for a token in plain text.
type Configuration struct {
	// Keyring is the text of a keyring.
	Keyring []byte
	// Scopes is the list of scopes that a request needs, separated by spaces.
	Scopes string
	// Accept says where a request may carry a token.
	Accept core.Accept
	// Realm is what challenges name, or empty.
	Realm string
	// Identity says what a backend is told of the owner of a token.
	Identity core.Identity
	// StripAuthorization says to remove the fields in which a token is accepted from a
	// request that is let pass.
	StripAuthorization bool
}

// ParseConfiguration reads a configuration in JSON. An unknown key, a key in
// other letters, a key given twice and anything behind the object are errors,
// all of them a [*ConfigurationError]: what was meant to restrict must not be
// ignored.
func ParseConfiguration(data []byte) (Configuration, error) {
	r := reader{data}
	var c Configuration
	var key, fault string
	switch {
	case len(data) > MaxConfiguration:
		fault = "it is longer than " + strconv.Itoa(MaxConfiguration) + " bytes"
	case r.end():
		fault = "there is none"
	case !r.skip('{'):
		fault = "it is not a JSON object"
	default:
		key, fault = c.members(&r)
	}
	if fault != "" {
		return Configuration{}, &ConfigurationError{Key: key, Err: errors.New(fault)}
	}
	return c, nil
}

// members reads the rest of the object. It returns the first fault and the key
// where that is.
func (c *Configuration) members(r *reader) (key, fault string) {
	const broken = "it is not JSON"
	seen := map[string]bool{}
	for first := true; !r.skip('}'); first = false {
		if !first && !r.skip(',') {
			return "", broken
		}
		key, ok := r.text()
		if !ok || !r.skip(':') {
			return "", broken
		}
		switch key {
		case keyKeyring:
			fault = c.keyring(r)
		case keyScope:
			fault = c.scope(r)
		case keyAccept:
			fault = c.accept(r)
		case keyRealm:
			fault = c.realm(r)
		case keyIdentity:
			fault = c.identity(r)
		case keyStrip:
			if c.StripAuthorization, ok = r.boolean(); !ok {
				fault = "it is neither true nor false; write one of them"
			}
		default:
			return "", "it has an unknown key; use keyring, scope, accept, realm, identity and strip_authorization"
		}
		if fault == "" && seen[key] {
			fault = "it occurs twice; write it once"
		}
		if fault != "" {
			return key, fault
		}
		seen[key] = true
	}
	switch {
	case !r.end():
		return "", "something follows the object"
	case !seen[keyKeyring]:
		return keyKeyring, "it is missing"
	}
	return "", ""
}

func (c *Configuration) keyring(r *reader) (fault string) {
	const other = "it is neither a text nor a list of lines"
	if r.at('"') {
		text, ok := r.text()
		if !ok {
			return other
		}
		c.Keyring = []byte(text)
		return ""
	}
	lines, ok := r.list()
	if !ok {
		return other
	}
	for _, line := range lines {
		if strings.IndexByte(line, '\n') >= 0 || strings.IndexByte(line, '\r') >= 0 {
			return "a line of the list has a line break in it"
		}
		c.Keyring = append(append(c.Keyring, line...), '\n')
	}
	return ""
}

func (c *Configuration) scope(r *reader) (fault string) {
	const other = `it is not a list of scopes; write for example ["metrics", "deploy"]`
	names, ok := r.words()
	if !ok {
		return other
	}
	for _, name := range names {
		if err := core.CheckScope(name); err != nil {
			return err.Error()
		}
	}
	if c.Scopes = strings.Join(names, " "); len(c.Scopes) > maxScopes {
		return "it is longer than " + strconv.Itoa(maxScopes) + " bytes"
	}
	return ""
}

func (c *Configuration) accept(r *reader) (fault string) {
	places, ok := r.words()
	if !ok {
		return `it is not a list; write for example ["bearer", "header:X-API-Key"]`
	}
	var err error
	if c.Accept, err = core.ParseAccept(strings.Join(places, ",")); err != nil {
		return err.Error()
	}
	return ""
}

func (c *Configuration) realm(r *reader) (fault string) {
	var ok bool
	if c.Realm, ok = r.text(); !ok {
		return `it is not a text; write for example "Metrics", or "" for none`
	}
	if c.Realm != "" {
		if err := core.CheckRealm(c.Realm); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (c *Configuration) identity(r *reader) (fault string) {
	parts, ok := r.words()
	if !ok {
		return `it is not a list; write for example ["user", "scopes"]`
	}
	var err error
	if c.Identity, err = core.ParseIdentity(strings.Join(parts, ",")); err != nil {
		return err.Error()
	}
	return ""
}
