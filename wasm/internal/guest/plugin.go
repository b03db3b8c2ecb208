package guest

import (
	"io"

	"github.com/concrete-security/auth-service/core"
	"github.com/concrete-security/auth-service/internal/secret"
)

// ChallengeName is the field that says what to authenticate with.
const ChallengeName = "www-authenticate"

// A Plugin is the verifier as a proxy's plugin. The zero Plugin denies
// everything until it is configured.
type Plugin struct {
	keyring *core.Keyring
	scopes  []byte
	strip   bool
	denials [core.Reasons]denial // made once, because a request allocates nothing
}

// A denial is what goes with one in the answer and in the proxy's log.
type denial struct{ challenge, detail string }

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
	*p = Plugin{keyring: keyring, scopes: []byte(c.Scopes), strip: c.StripAuthorization}
	for reason := range p.denials {
		p.denials[reason] = newDenial(core.Reason(reason), p.scopes)
	}
	return nil
}

// Authorize decides on a request with that many Authorization fields, the
// value of one of which is given, at Unix second now. It wipes the value.
func (p *Plugin) Authorize(authorization []byte, fields int, now int64) core.Decision {
	d := decide(p.keyring, authorization, fields, p.scopes, now)
	secret.Wipe(authorization)
	return d
}

// Denial returns what goes with a denial of this plugin: the value of the
// WWW-Authenticate field (RFC 6750 §3), which is empty if there is none to send, and
// a word for the proxy's log.
func (p *Plugin) Denial(reason core.Reason) (challenge, detail string) {
	d := p.denials[reason]
	if p.keyring == nil {
		d = newDenial(reason, nil)
	}
	return d.challenge, d.detail
}

func newDenial(reason core.Reason, scopes []byte) denial {
	return denial{
		challenge: string(core.Decision{Reason: reason}.AppendChallenge(nil, scopes)),
		detail:    "auth_service_" + reason.String(),
	}
}

// StripsAuthorization reports whether the Authorization field is to be taken
// off a request that is let pass.
func (p *Plugin) StripsAuthorization() bool { return p.strip }

// Wipe overwrites the digests; the plugin then denies everything.
func (p *Plugin) Wipe() {
	p.keyring.Wipe()
	*p = Plugin{}
}

// decide asks the core. It leaves nothing of the token on the stack.
func decide(k *core.Keyring, authorization []byte, fields int, scopes []byte, now int64) (d core.Decision) {
	if len(authorization) > MaxAuthorization && k.Usable() {
		return core.Decision{Reason: core.Malformed}
	}
	r := core.Request{Authorization: authorization, AuthorizationCount: fields, Scopes: scopes, Now: now}
	secret.Do(func() { d = k.Authorize(r) })
	return d
}
