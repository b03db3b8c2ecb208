package cli

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestUnknownVariables: a variable that is like a setting of this program and is none
// is told, with the setting that was probably meant. Its value is not.
func TestUnknownVariables(t *testing.T) {
	t.Parallel()
	const value = "a-value-that-must-not-be-shown"
	for name, want := range map[string]string{
		"AUTH_SERVICE_KEYRNG":            "AUTH_SERVICE_KEYRING",
		"AUTH_SERVICE_KEY_RING":          "AUTH_SERVICE_KEYRING",
		"AUTH_SERVICE_KEYRING_FILE":      "AUTH_SERVICE_KEYRING",
		"AUTH_SERVICE_TOKNE":             "AUTH_SERVICE_TOKEN",
		"AUTH_SERVICE_TOKENS":            "AUTH_SERVICE_TOKEN",
		"AUTH_SERVICE_TOKENFILE":         "AUTH_SERVICE_TOKEN_FILE",
		"AUTH_SERVICE_TOKEN_FIEL":        "AUTH_SERVICE_TOKEN_FILE",
		"AUTH_SERVICE_TOKEN_LEN":         "MIN_AUTH_SERVICE_TOKEN_LEN",
		"AUTH_SERVICE_MIN_TOKEN_LENGTH":  "MIN_AUTH_SERVICE_TOKEN_LEN",
		"MIN_AUTH_SERVICE_TOKEN_LENGTH":  "MIN_AUTH_SERVICE_TOKEN_LEN",
		"AUTH_SERVICE_TOKEN_LEN_MIN":     "MIN_AUTH_SERVICE_TOKEN_LEN",
		"MIN_AUTH_SERVICE_LEN":           "MIN_AUTH_SERVICE_TOKEN_LEN",
		"AUTH_SERVICE_LISTEN":            "LISTEN",
		"AUTH_SERVICE_PORT":              "PORT",
		"AUTH_SERVICE_LOGLEVEL":          "LOG_LEVEL",
		"AUTH_SERVICE_ADMIN":             "ADMIN_LISTEN",
		"AUTH_SERVICE_TIMEOUT":           "", // there are three
		"AUTH_SERVICE_URL":               "",
		"AUTH_SERVICE_":                  "",
		"AUTH_SERVICE_PORT_HTTP":         "PORT",
		"AUTH_SERVICE_PORT_8081_TCP_MTU": "",
	} {
		warning := strings.Join(UnknownVariables([]string{"HOME=/root", name + "=" + value}), "\n")
		text := name + " is not a setting"
		if want != "" {
			text += "; did you mean " + want + "?"
		}
		if warning != text {
			t.Errorf("%q, want %q", warning, text)
		}
	}
	if runtime.GOOS != "windows" {
		if got := UnknownVariables([]string{"auth_service_token=" + value}); len(got) != 1 || got[0] != "auth_service_token is not a setting; did you mean AUTH_SERVICE_TOKEN?" {
			t.Errorf("%q", got)
		}
	}

	// A token may be joined to a name.
	const token = "abcdefghijklmnopqrstuvwxyz0123456789"
	for _, variable := range []string{"AUTH_SERVICE_TOKEN" + token + "==", "AUTH_SERVICE_KEYRING_PATH_OF_THE_FILE=x"} {
		got := UnknownVariables([]string{variable})
		if len(got) != 1 || strings.Contains(got[0], token) || !strings.HasPrefix(got[0], "a variable that starts with AUTH_SERVICE_ is not a setting") {
			t.Errorf("%q", got)
		}
	}
}

// TestUnknownVariablesAreFew: no environment makes a long list.
func TestUnknownVariablesAreFew(t *testing.T) {
	t.Parallel()
	var environment []string
	for i := range 25 {
		environment = append(environment, fmt.Sprintf("AUTH_SERVICE_X%02d=x", i))
	}
	got := UnknownVariables(environment)
	if len(got) != 11 || got[0] != "AUTH_SERVICE_X00 is not a setting" || got[10] != "15 more variables that start with AUTH_SERVICE_ are not settings" {
		t.Errorf("%q", got)
	}
}

// TestKnownVariables: neither the settings, nor what is empty, nor what Kubernetes
// and Docker set, is told.
func TestKnownVariables(t *testing.T) {
	t.Parallel()
	environment := []string{
		"AUTH_SERVICE_KEYRNG=", "AUTH_SERVICE_KEYRNG= \r", "MY_AUTH_SERVICE_URL=x", "AUTH_SERVICE=x", "HOST=x", "MIN_LEN=x",
		"AUTH_SERVICE_SERVICE_HOST=10.0.0.1", "AUTH_SERVICE_SERVICE_PORT=8081", "AUTH_SERVICE_SERVICE_PORT_HTTP=8081",
		"AUTH_SERVICE_PORT=tcp://10.0.0.1:8081", "AUTH_SERVICE_PORT_8081_TCP=tcp://10.0.0.1:8081", "AUTH_SERVICE_PORT_8081_TCP_PROTO=tcp",
		"AUTH_SERVICE_PORT_8081_TCP_PORT=8081", "AUTH_SERVICE_PORT_8081_TCP_ADDR=10.0.0.1", "AUTH_SERVICE_PORT_53_UDP=udp://10.0.0.1:53",
		"AUTH_SERVICE_ADMIN_SERVICE_HOST=10.0.0.2", "AUTH_SERVICE_ADMIN_SERVICE_PORT_HTTP_METRICS=9081", "AUTH_SERVICE_ADMIN_PORT=tcp://10.0.0.2:9081",
		"AUTH_SERVICE_ADMIN_PORT_9081_TCP_ADDR=10.0.0.2", "AUTH_SERVICE_NAME=/web/auth-service", "AUTH_SERVICE_ENV_AUTH_SERVICE_KEYRING=/keyring",
	}
	for _, v := range parserOf(t, new(strings.Builder)).Variables() {
		environment = append(environment, v.Name+"=x")
	}
	if got := UnknownVariables(environment); len(got) > 0 {
		t.Errorf("%q", got)
	}
}
