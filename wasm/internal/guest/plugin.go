package guest

import (
	"io"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/identity"
	"github.com/concrete-security/auth-service/internal/secret"
)

// ChallengeName is the field that says what to authenticate with.
const ChallengeName = "www-authenticate"

// A Plugin is the verifier as a proxy's plugin. The zero Plugin denies
// everything until it is configured.
type Plugin struct {
	keyring  *core.Keyring
	scopes   []byte
	accept   core.Accept
	identity core.Identity
	strip    bool
	denials  denials
	key      []byte // of the last token that was granted
}

// A denial is what goes with one in the answer and in the proxy's log.
type denial struct {
	challenges []string
	detail     string
}

// denials are made once, because a request allocates nothing.
type denials [core.Reasons]denial

// unconfigured are those of a plugin that has no configuration.
var unconfigured = newDenials(core.Challenges{}, nil)

func newDenials(challenges core.Challenges, scopes []byte) (list denials) {
	for n := range list {
		reason := core.Reason(n)
		list[n].detail = "auth_service_" + reason.String()
		for _, scheme := range challenges.InOrder() {
			if value := challenges.Append(nil, scheme, core.Decision{Reason: reason}, scopes); len(value) > 0 {
				list[n].challenges = append(list[n].challenges, string(value))
			}
		}
	}
	return list
}

// Configure takes a configuration, see [Configuration]. From the call on the
// former one is no longer in force, whatever comes of the new one; after an
// error, which quotes nothing of the configuration, everything is denied.
func (p *Plugin) Configure(random io.Reader, configuration []byte) error {
	p.Wipe()
	c, err := ParseConfiguration(configuration)
	if err != nil {
		return err
	}
	entries, err := core.ParseKeyring(c.Keyring)
	if err != nil {
		return &ConfigurationError{Key: keyKeyring, Err: err}
	}
	defer core.WipeEntries(entries)
	if len(entries) == 0 {
		return &ConfigurationError{Key: keyKeyring, Err: errNoToken}
	}
	keyring, err := core.NewKeyring(CheckedRandom(random), nil, entries)
	if err != nil {
		return err
	}
	*p = Plugin{keyring: keyring, scopes: []byte(c.Scopes), accept: c.Accept, identity: c.Identity, strip: c.StripAuthorization}
	p.denials = newDenials(core.Challenges{Schemes: c.Accept.Schemes, Realm: c.Realm}, p.scopes)
	return nil
}

// Accept says in which fields the plugin looks for a token.
func (p *Plugin) Accept() core.Accept { return p.accept }

// Authorize decides on a request that has what r says in the fields of [Plugin.Accept],
// at Unix second now. The scopes are the plugin's. It wipes the values.
func (p *Plugin) Authorize(r *core.Request, now int64) core.Decision {
	r.Scopes, r.Now = p.scopes, now
	d := decide(p.keyring, r)
	secret.Wipe(r.Authorization)
	secret.Wipe(r.Token)
	return d
}

// Denial returns what goes with a denial of this plugin: the values of the
// WWW-Authenticate fields (RFC 6750 §3), of which there may be none, and a word for the
// proxy's log.
func (p *Plugin) Denial(reason core.Reason) (challenges []string, detail string) {
	d := &unconfigured[reason]
	if p.keyring != nil {
		d = &p.denials[reason]
	}
	return d.challenges, d.detail
}

// Tell calls set with the name and the value of each field that a backend is to get for
// a granted request. It stops, and returns false, where set does.
func (p *Plugin) Tell(d core.Decision, set func(name, value string) bool) bool {
	if !set(identity.User, d.Principal) {
		return false
	}
	if p.identity.Tells(core.IdentityScopes) && !set(identity.Scopes, d.Scopes) {
		return false
	}
	if p.identity.Tells(core.IdentityKey) {
		p.key = d.Key.Append(p.key[:0])
		return set(identity.Key, text(p.key))
	}
	return true
}

// StripsAuthorization reports whether the fields of [Plugin.Accept] are to be removed
// from a request that is let pass.
func (p *Plugin) StripsAuthorization() bool { return p.strip }

// Wipe overwrites the digests; the plugin then denies everything.
func (p *Plugin) Wipe() {
	p.keyring.Wipe()
	*p = Plugin{}
}

// decide asks the core. It leaves nothing of the token on the stack.
func decide(k *core.Keyring, r *core.Request) (d core.Decision) {
	if max(len(r.Authorization), len(r.Token)) > MaxAuthorization && k.Usable() {
		return core.Decision{Reason: core.Malformed}
	}
	secret.Do(func() { d = k.Authorize(r) })
	return d
}
