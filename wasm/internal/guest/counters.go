package guest

import "github.com/concrete-security/auth-service/core"

// counters are those of requests in a proxy-wasm host, by reason. Each has a name in
// which the statistics of Envoy can find labels:
//
//	name   = "auth_service_requests_total_result=" result [ "_reason=" reason ]
//	result = "granted" / "denied" / "forbidden" / "unconfigured"
//
// The results are those of the service's metric of that name, and the reasons those of
// its auth_service_denials_total.
type counters struct {
	defined bool
	known   [core.Reasons]bool // has the host taken it?
	ids     [core.Reasons]uint32
}

// define makes the counters, once. A host shows those that are zero from then on.
func (c *counters) define(define func(name string) (counter uint32, ok bool)) {
	if c.defined {
		return
	}
	c.defined = true
	for i := range c.ids {
		c.ids[i], c.known[i] = define(counterName(core.Reason(i)))
	}
}

// count counts a request. What the host makes of it changes nothing for the request.
func (c *counters) count(reason core.Reason, count func(counter uint32)) {
	if c.known[reason] {
		count(c.ids[reason])
	}
}

func counterName(reason core.Reason) string {
	const requests = "auth_service_requests_total_result="
	switch reason {
	case core.Granted:
		return requests + "granted"
	case core.InsufficientScope:
		return requests + "forbidden_reason=" + reason.String()
	case core.Unconfigured:
		return requests + "unconfigured_reason=" + reason.String()
	default:
		return requests + "denied_reason=" + reason.String()
	}
}
