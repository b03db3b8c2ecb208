// Package schema_test decodes the manifests into the types that Kubernetes, the
// Gateway API and Envoy Gateway publish.
package schema_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	envoygateway "github.com/envoyproxy/gateway/api/v1alpha1"
	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/intstr"
	gateway "sigs.k8s.io/gateway-api/apis/v1"
	gatewaybeta "sigs.k8s.io/gateway-api/apis/v1beta1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kustomization is what the file may have of kustomize's own format.
type kustomization struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Namespace  string   `json:"namespace"`
	Resources  []string `json:"resources"`
}

// newObject returns an empty object of a kind.
func newObject(apiVersion, kind string) any {
	switch apiVersion + " " + kind {
	case "v1 Namespace":
		return new(core.Namespace)
	case "v1 Service":
		return new(core.Service)
	case "apps/v1 Deployment":
		return new(apps.Deployment)
	case "policy/v1 PodDisruptionBudget":
		return new(policy.PodDisruptionBudget)
	case "autoscaling/v2 HorizontalPodAutoscaler":
		return new(autoscaling.HorizontalPodAutoscaler)
	case "networking.k8s.io/v1 NetworkPolicy":
		return new(networking.NetworkPolicy)
	case "networking.k8s.io/v1 Ingress":
		return new(networking.Ingress)
	case "gateway.networking.k8s.io/v1 HTTPRoute":
		return new(gateway.HTTPRoute)
	case "gateway.networking.k8s.io/v1beta1 ReferenceGrant":
		return new(gatewaybeta.ReferenceGrant)
	case "gateway.envoyproxy.io/v1alpha1 SecurityPolicy":
		return new(envoygateway.SecurityPolicy)
	case "gateway.envoyproxy.io/v1alpha1 ClientTrafficPolicy":
		return new(envoygateway.ClientTrafficPolicy)
	case "kustomize.config.k8s.io/v1beta1 Kustomization":
		return new(kustomization)
	}
	return nil
}

// decode takes no word that the type does not have, nor one twice, as the API
// server does with strict validation of fields.
func decode(document []byte, into any) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	strict, err := json.UnmarshalStrict(text, into)
	return errors.Join(append(strict, err)...)
}

// objects decodes all documents of a file, strictly.
func objects(t *testing.T, name string) (list []any) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	for document := range bytes.SplitSeq(file, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		object := newObject(head.APIVersion, head.Kind)
		if object == nil {
			t.Fatalf("%s: no such kind: %+v", name, head)
		}
		if err := decode(document, object); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, object)
	}
	return list
}

// the is the object of a type in a file.
func the[T any](t *testing.T, name string) *T {
	t.Helper()
	for _, object := range objects(t, name) {
		if o, ok := object.(*T); ok {
			return o
		}
	}
	t.Fatalf("%s has none", name)
	return nil
}

func TestEveryManifestDecodes(t *testing.T) {
	files, err := filepath.Glob("../*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	listed := the[kustomization](t, "kustomization.yaml").Resources
	for _, file := range files {
		name := filepath.Base(file)
		objects(t, name)
		example := name == "ingress-nginx.yaml" || name == "envoy-gateway.yaml" || name == "kustomization.yaml"
		if slices.Contains(listed, name) == example {
			t.Errorf("%s: in kustomization.yaml: %t", name, !example)
		}
	}
}

// TestStrict: a word that is misspelt is refused.
func TestStrict(t *testing.T) {
	deployment, err := os.ReadFile("../deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	misspelt := bytes.Replace(deployment, []byte("readOnlyRootFilesystem"), []byte("readOnlyRootFileSystem"), 1)
	if err := decode(misspelt, new(apps.Deployment)); err == nil {
		t.Error("it is taken")
	}
}

// TestTheyAgree: selectors, ports and names of one manifest are those of the
// others.
func TestTheyAgree(t *testing.T) {
	deployment := the[apps.Deployment](t, "deployment.yaml")
	service := the[core.Service](t, "service.yaml")
	budget := the[policy.PodDisruptionBudget](t, "poddisruptionbudget.yaml")
	scaler := the[autoscaling.HorizontalPodAutoscaler](t, "horizontalpodautoscaler.yaml")
	network := the[networking.NetworkPolicy](t, "networkpolicy.yaml")

	labels := deployment.Spec.Template.Labels
	for name, selector := range map[string]map[string]string{
		"deployment": deployment.Spec.Selector.MatchLabels, "service": service.Spec.Selector,
		"budget": budget.Spec.Selector.MatchLabels, "policy": network.Spec.PodSelector.MatchLabels,
	} {
		if !equality.Semantic.DeepEqual(selector, labels) {
			t.Errorf("%s selects %v, the pods are %v", name, selector, labels)
		}
	}
	namespace := the[core.Namespace](t, "namespace.yaml").Name
	for _, o := range []interface{ GetNamespace() string }{deployment, service, budget, scaler, network} {
		if o.GetNamespace() != namespace {
			t.Errorf("%T is in %q", o, o.GetNamespace())
		}
	}
	if target := scaler.Spec.ScaleTargetRef; target.Kind != "Deployment" || target.Name != deployment.Name {
		t.Errorf("the autoscaler scales %+v", target)
	}

	container := deployment.Spec.Template.Spec.Containers[0]
	ports := map[string]int32{}
	for _, p := range container.Ports {
		ports[p.Name] = p.ContainerPort
	}
	known := func(where string, port intstr.IntOrString) {
		if port.Type != intstr.String || ports[port.StrVal] == 0 {
			t.Errorf("%s: there is no port %v", where, port)
		}
	}
	known("service", service.Spec.Ports[0].TargetPort)
	for _, rule := range network.Spec.Ingress {
		known("policy", *rule.Ports[0].Port)
	}
	for _, probe := range []*core.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
		known("probe", probe.HTTPGet.Port)
		if probe.HTTPGet.Port.StrVal != "admin" || probe.HTTPGet.Path != "/health" && probe.HTTPGet.Path != "/ready" {
			t.Errorf("a probe asks for %+v", probe.HTTPGet)
		}
	}
	environment := map[string]string{}
	for _, v := range container.Env {
		environment[v.Name] = v.Value
	}
	if environment["LISTEN"] != "tcp://:8081" || ports["http"] != 8081 || environment["ADMIN_LISTEN"] != "tcp://:9081" || ports["admin"] != 9081 {
		t.Errorf("it listens on %v, with ports %v", environment, ports)
	}
	mount := container.VolumeMounts[0]
	if mount.SubPath != "" || !strings.HasPrefix(environment["AUTH_SERVICE_KEYRING"], mount.MountPath+"/") {
		t.Errorf("the keyring is %s, mounted %+v", environment["AUTH_SERVICE_KEYRING"], mount)
	}
	if volume := deployment.Spec.Template.Spec.Volumes[0]; volume.Name != mount.Name || volume.Secret == nil {
		t.Errorf("the volume is %+v", volume)
	}
	if service.Spec.Ports[0].Port != int32(*the[envoygateway.SecurityPolicy](t, "envoy-gateway.yaml").Spec.ExtAuth.HTTP.BackendRefs[0].Port) {
		t.Error("Envoy Gateway asks another port")
	}
	url := the[networking.Ingress](t, "ingress-nginx.yaml").Annotations["nginx.ingress.kubernetes.io/auth-url"]
	if !strings.HasPrefix(url, "http://"+service.Name+"."+service.Namespace+".svc.cluster.local:8081/auth") {
		t.Errorf("ingress-nginx asks %s", url)
	}
}

// TestIngressTakesTheClientsIdentity: ingress-nginx replaces or removes the fields that
// the annotation names, and no others.
func TestIngressTakesTheClientsIdentity(t *testing.T) {
	annotation := the[networking.Ingress](t, "ingress-nginx.yaml").Annotations["nginx.ingress.kubernetes.io/auth-response-headers"]
	if annotation != "X-Auth-Request-User,X-Auth-Request-Scopes,X-Auth-Request-Key" {
		t.Errorf("it names %s", annotation)
	}
}

// TestEnvoyGatewayTakesTheClientsIdentity: the policy removes the client's identity
// fields in every spelling, and a question to a silent service times out.
func TestEnvoyGatewayTakesTheClientsIdentity(t *testing.T) {
	removed := the[envoygateway.ClientTrafficPolicy](t, "envoy-gateway.yaml").Spec.Headers.EarlyRequestHeaders.RemoveOnMatch
	if len(removed) != 1 || *removed[0].Type != envoygateway.StringMatchRegularExpression {
		t.Fatalf("%+v", removed)
	}
	expression := regexp.MustCompile("^(?:" + removed[0].Value + ")$") // Envoy matches the whole name, in lower case
	for _, name := range []string{"x-auth-request-user", "x_auth_request_user", "x.auth!request~user", "x-auth-request-scopes", "x-auth-request-key", "x_auth-scope"} {
		if !expression.MatchString(name) {
			t.Errorf("a client's %s gets through", name)
		}
	}
	timeout := the[envoygateway.SecurityPolicy](t, "envoy-gateway.yaml").Spec.ExtAuth.Timeout
	if timeout == nil {
		t.Fatal("no time-out")
	}
	if d, err := time.ParseDuration(string(*timeout)); err != nil || d <= 0 || d > 5*time.Second {
		t.Errorf("the time-out is %s, %v", *timeout, err)
	}
}

// TestAccept: what the page says to add for tokens in other places decodes.
func TestAccept(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, after, line string }{
		{"deployment.yaml", "          env:\n", `            - { name: ACCEPT, value: "bearer,basic,header:X-API-Key" }`},
		{"envoy-gateway.yaml", "  extAuth:\n", "    headersToExtAuth: [X-API-Key]"},
	} {
		if said := "`" + strings.TrimLeft(c.line, " -") + "`"; !strings.Contains(string(page), said) {
			t.Errorf("README.md does not say %s", said)
		}
		manifest, err := os.ReadFile(filepath.Join("..", c.file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(manifest), c.after) {
			t.Fatalf("%s has no %q", c.file, c.after)
		}
		for document := range strings.SplitSeq(strings.Replace(string(manifest), c.after, c.after+c.line+"\n", 1), "\n---\n") {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal([]byte(document), &head); err != nil {
				t.Fatal(err)
			}
			if err := decode([]byte(document), newObject(head.APIVersion, head.Kind)); err != nil {
				t.Errorf("%s: %v", c.file, err)
			}
		}
	}
}
