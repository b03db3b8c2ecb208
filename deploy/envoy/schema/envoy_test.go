// Package schema_test holds the examples for proxies that cannot be run here to
// their published types: every key must be known and every value allowed.
package schema_test

import (
	"os"
	"slices"
	"testing"

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
	b, err := parse(read(t, "../envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	clusters := map[string]bool{}
	for _, c := range b.GetStaticResources().GetClusters() {
		clusters[c.GetName()] = true
	}
	listeners := b.GetStaticResources().GetListeners()
	if len(listeners) != 1 {
		t.Fatalf("%d listeners, want 1", len(listeners))
	}
	m := unpack(t, listeners[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig(), new(manager.HttpConnectionManager))
	if !m.GetNormalizePath().GetValue() || !m.GetMergeSlashes() ||
		m.GetPathWithEscapedSlashesAction() != manager.HttpConnectionManager_REJECT_REQUEST ||
		m.GetCommonHttpProtocolOptions().GetHeadersWithUnderscoresAction() != core.HttpProtocolOptions_DROP_HEADER {
		t.Error("paths or names of fields may get through that the backend reads differently")
	}

	// The order decides: remove the client's, ask, pass on.
	var names []string
	for _, f := range m.GetHttpFilters() {
		names = append(names, f.GetName())
	}
	if want := []string{"envoy.filters.http.header_mutation", "envoy.filters.http.ext_authz", "envoy.filters.http.router"}; !slices.Equal(names, want) {
		t.Fatalf("filters %q, want %q", names, want)
	}
	var removed []string
	for _, mutation := range unpack(t, m.GetHttpFilters()[0].GetTypedConfig(), new(headermutation.HeaderMutation)).GetMutations().GetRequestMutations() {
		removed = append(removed, mutation.GetRemove())
	}
	if want := []string{"x-auth-request-user", "x-auth-scope"}; !slices.Equal(removed, want) {
		t.Errorf("removed of the client's fields: %q, want %q", removed, want)
	}

	filter := unpack(t, m.GetHttpFilters()[1].GetTypedConfig(), new(extauthz.ExtAuthz))
	if filter.GetFailureModeAllow() {
		t.Error("everybody gets in while auth-service is away")
	}
	services := map[string]*extauthz.HttpService{"": filter.GetHttpService()}
	scopes := map[string]string{}
	for _, route := range m.GetRouteConfig().GetVirtualHosts()[0].GetRoutes() {
		if !clusters[route.GetRoute().GetCluster()] {
			t.Errorf("no cluster %q", route.GetRoute().GetCluster())
		}
		path := route.GetMatch().GetPath() + route.GetMatch().GetPrefix()
		scopes[path] = ""
		override, ok := route.GetTypedPerFilterConfig()["envoy.filters.http.ext_authz"]
		if !ok {
			continue
		}
		settings := unpack(t, override, new(extauthz.ExtAuthzPerRoute))
		if settings.GetDisabled() {
			t.Errorf("%s is open to all", path)
		}
		services[path] = settings.GetCheckSettings().GetHttpService()
		for _, h := range services[path].GetAuthorizationRequest().GetHeadersToAdd() {
			scopes[path] += h.GetKey() + "=" + h.GetValue()
		}
	}
	for path, want := range map[string]string{"/": "", "/metrics": "x-auth-scope=metrics", "/deploy/": "x-auth-scope=metrics deploy"} {
		if got, ok := scopes[path]; !ok || got != want {
			t.Errorf("%s demands %q, want %q", path, got, want)
		}
	}
	for path, s := range services {
		upstream := s.GetAuthorizationResponse().GetAllowedUpstreamHeaders().GetPatterns()
		if s.GetPathPrefix() != "/ext_authz" || !clusters[s.GetServerUri().GetCluster()] ||
			len(upstream) != 1 || upstream[0].GetExact() != "x-auth-request-user" {
			t.Errorf("the service of %q: %v", path, s)
		}
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
