// Package schema_test holds the examples for proxies that cannot be run here to
// their published types: every key must be known and every value allowed.
package schema_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extauthz "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	headermutation "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	manager "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// parse decodes a configuration into Envoy's types; it refuses unknown keys,
// repeated keys and values that Envoy's own rules refuse.
func parse(text []byte) (*bootstrap.Bootstrap, error) {
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	b := new(bootstrap.Bootstrap)
	if err := protojson.Unmarshal(asJSON, b); err != nil {
		return nil, err
	}
	return b, validate(b)
}

// validate applies the rules of a message, and those of all that is packed
// within it.
func validate(message proto.Message) error {
	if v, ok := message.(interface{ ValidateAll() error }); ok {
		if err := v.ValidateAll(); err != nil {
			return err
		}
	}
	return validateWithin(message.ProtoReflect())
}

func validateWithin(message protoreflect.Message) (err error) {
	if packed, ok := message.Interface().(*anypb.Any); ok {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		return validate(inner)
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() == nil {
				return true
			}
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				err = validateWithin(v.Message())
				return err == nil
			})
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < value.List().Len() && err == nil; i++ {
				err = validateWithin(value.List().Get(i).Message())
			}
		default:
			err = validateWithin(value.Message())
		}
		return err == nil
	})
	return err
}

func unpack[M proto.Message](t *testing.T, packed *anypb.Any, into M) M {
	t.Helper()
	if err := packed.UnmarshalTo(into); err != nil {
		t.Fatal(err)
	}
	return into
}

func TestEnvoy(t *testing.T) {
	t.Parallel()
	// What each path demands; "404" is for nobody.
	for example, wanted := range map[string]map[string]string{
		"envoy.yaml":  {"/": ""},
		"scopes.yaml": {"/metrics": "x-auth-scope=metrics", "/deploy/": "x-auth-scope=metrics deploy", "/": "404"},
	} {
		b, err := parse(read(t, "../"+example))
		if err != nil {
			t.Fatal(example, err)
		}
		clusters := map[string]bool{}
		for _, c := range b.GetStaticResources().GetClusters() {
			clusters[c.GetName()] = true
		}
		listeners := b.GetStaticResources().GetListeners()
		if len(listeners) != 1 {
			t.Fatalf("%s: %d listeners, want 1", example, len(listeners))
		}
		m := unpack(t, listeners[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig(), new(manager.HttpConnectionManager))
		checkManager(t, example, m)

		filter := unpack(t, m.GetHttpFilters()[1].GetTypedConfig(), new(extauthz.ExtAuthz))
		if filter.GetFailureModeAllow() {
			t.Errorf("%s: everybody gets in while auth-service is away", example)
		}
		services := map[string]*extauthz.HttpService{"": filter.GetHttpService()}
		demands := map[string]string{}
		for _, route := range m.GetRouteConfig().GetVirtualHosts()[0].GetRoutes() {
			path := route.GetMatch().GetPath() + route.GetMatch().GetPrefix()
			demands[path] = ""
			if answer := route.GetDirectResponse(); answer != nil {
				demands[path] = strconv.Itoa(int(answer.GetStatus()))
				continue
			}
			if !clusters[route.GetRoute().GetCluster()] {
				t.Errorf("%s: no cluster %q", example, route.GetRoute().GetCluster())
			}
			override, ok := route.GetTypedPerFilterConfig()["envoy.filters.http.ext_authz"]
			if !ok {
				continue
			}
			settings := unpack(t, override, new(extauthz.ExtAuthzPerRoute))
			if settings.GetDisabled() {
				t.Errorf("%s: %s is open to all", example, path)
			}
			services[path] = settings.GetCheckSettings().GetHttpService()
			for _, h := range services[path].GetAuthorizationRequest().GetHeadersToAdd() {
				if h.GetKey() == "x-auth-scope" {
					demands[path] += h.GetKey() + "=" + h.GetValue()
				}
			}
		}
		if !maps.Equal(demands, wanted) {
			t.Errorf("%s: paths demand %q, want %q", example, demands, wanted)
		}
		for path, s := range services {
			if !slices.ContainsFunc(s.GetAuthorizationRequest().GetHeadersToAdd(), func(h *core.HeaderValue) bool { return h.GetKey() == "x-real-ip" }) {
				t.Errorf("%s: the log does not name the clients of %q", example, path)
			}
			upstream := s.GetAuthorizationResponse().GetAllowedUpstreamHeaders().GetPatterns()
			if s.GetPathPrefix() != "/ext_authz" || !clusters[s.GetServerUri().GetCluster()] || s.GetServerUri().GetTimeout().AsDuration() > 5*time.Second ||
				len(upstream) != 1 || upstream[0].GetExact() != "x-auth-request-user" {
				t.Errorf("%s: the service of %q: %v", example, path, s)
			}
		}
	}
}

// checkManager checks what happens to a request before auth-service is asked.
func checkManager(t *testing.T, example string, m *manager.HttpConnectionManager) {
	t.Helper()
	if !m.GetNormalizePath().GetValue() || !m.GetMergeSlashes() ||
		m.GetPathWithEscapedSlashesAction() != manager.HttpConnectionManager_REJECT_REQUEST {
		t.Errorf("%s: paths may get through that the backend reads differently", example)
	}
	// The order decides: remove the client's, ask, pass on.
	var names []string
	for _, f := range m.GetHttpFilters() {
		names = append(names, f.GetName())
	}
	if want := []string{"envoy.filters.http.header_mutation", "envoy.filters.http.ext_authz", "envoy.filters.http.router"}; !slices.Equal(names, want) {
		t.Fatalf("%s: filters %q, want %q", example, names, want)
	}
	mutations := unpack(t, m.GetHttpFilters()[0].GetTypedConfig(), new(headermutation.HeaderMutation)).GetMutations().GetRequestMutations()
	if len(mutations) != 2 {
		t.Fatalf("%s: %d mutations, want 2", example, len(mutations))
	}
	removed := regexp.MustCompile("^(?:" + mutations[0].GetRemoveOnMatch().GetKeyMatcher().GetSafeRegex().GetRegex() + ")$")
	for _, name := range []string{"x-auth-request-user", "x.auth_request!user", "x-auth-request-scopes", "x-auth-request-key", "x-auth-scope", "x~auth~scope"} {
		if !removed.MatchString(name) {
			t.Errorf("%s: a client's %s gets through", example, name)
		}
	}
	connection := mutations[1].GetAppend()
	if connection.GetHeader().GetKey() != "connection" || connection.GetAppendAction() != core.HeaderValueOption_OVERWRITE_IF_EXISTS {
		t.Errorf("%s: a client's Connection field gets through: %v", example, mutations[1])
	}
}

// The check itself must be able to fail.
func TestEnvoyRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown key":        "static_resources: { listener: [] }",
		"repeated key":       "static_resources: {}\nstatic_resources: {}",
		"rule of a message":  "static_resources: { clusters: [{ name: '' }] }",
		"rule within an Any": "static_resources: { listeners: [{ name: a, address: { socket_address: { address: '::', port_value: 1 } }, filter_chains: [{ filters: [{ name: a, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager } }] }] }] }",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
