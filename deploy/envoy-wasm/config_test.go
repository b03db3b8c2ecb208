package envoywasm

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3" // resolved by name
	wasmfilter "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	wasm "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
	istio "istio.io/api/extensions/v1alpha1"
	"sigs.k8s.io/yaml"
)

// pluginKeys are the keys of the module's configuration, see docs/wasm.md.
var pluginKeys = map[string]bool{"keyring": true, "scope": true, "accept": true, "realm": true, "identity": true, "strip_authorization": true}

func checkPlugin(t *testing.T, configuration []byte) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(configuration, &members); err != nil {
		t.Fatal(err)
	}
	if lines, ok := members["keyring"].([]any); !ok || len(lines) == 0 {
		t.Errorf("keyring: %v", members["keyring"])
	}
	for key := range members {
		if !pluginKeys[key] {
			t.Errorf("the key %q, which there is not", key)
		}
	}
}

// read turns a YAML file into JSON.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		t.Fatal(err)
	}
	data, err = yaml.YAMLToJSONStrict(data)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEnvoy(t *testing.T) {
	var b bootstrap.Bootstrap
	if err := protojson.Unmarshal(read(t, "envoy.yaml"), &b); err != nil { // unknown fields are errors
		t.Fatal(err)
	}
	if err := b.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	manager := &hcm.HttpConnectionManager{}
	unpack(t, b.GetStaticResources().GetListeners()[0].GetFilterChains()[0].GetFilters()[0].GetTypedConfig(), manager)
	if err := manager.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	filter := &wasmfilter.Wasm{}
	unpack(t, manager.GetHttpFilters()[0].GetTypedConfig(), filter)
	if err := filter.ValidateAll(); err != nil {
		t.Fatal(err)
	}
	plugin := filter.GetConfig()
	if plugin.GetFailurePolicy() != wasm.FailurePolicy_FAIL_CLOSED {
		t.Error("requests pass where the module does not run")
	}
	configuration := &wrapperspb.StringValue{}
	unpack(t, plugin.GetConfiguration(), configuration)
	checkPlugin(t, []byte(configuration.GetValue()))
}

func TestIstio(t *testing.T) {
	var resource struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Metadata   map[string]any  `json:"metadata"`
		Spec       json.RawMessage `json:"spec"`
	}
	if err := json.Unmarshal(read(t, "wasmplugin.yaml"), &resource); err != nil {
		t.Fatal(err)
	}
	if resource.APIVersion != "extensions.istio.io/v1alpha1" || resource.Kind != "WasmPlugin" {
		t.Errorf("%s %s", resource.APIVersion, resource.Kind)
	}
	var plugin istio.WasmPlugin
	if err := protojson.Unmarshal(resource.Spec, &plugin); err != nil {
		t.Fatal(err)
	}
	if plugin.GetFailStrategy() != istio.FailStrategy_FAIL_CLOSE || plugin.GetPhase() != istio.PluginPhase_AUTHN {
		t.Errorf("%v in %v", plugin.GetFailStrategy(), plugin.GetPhase())
	}
	configuration, err := plugin.GetPluginConfig().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	checkPlugin(t, configuration)
}

// unpack reads what an Any holds.
func unpack(t *testing.T, packed interface{ UnmarshalTo(proto.Message) error }, to proto.Message) {
	t.Helper()
	if err := packed.UnmarshalTo(to); err != nil {
		t.Fatal(err)
	}
}
