package core_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestNothingPrintsACredential prints a credential, alone and in what holds it,
// in every way that fmt, slog and encoding/json know. The key id may show.
func TestNothingPrintsACredential(t *testing.T) {
	e := entryOf("ci", "token", "metrics", "deploy")
	whole := fmt.Sprintf("%x", e.Credential[:])
	const keyID = "3c469e9d"
	if whole[:8] != keyID {
		t.Fatalf("the credential is %s", whole)
	}
	type holder struct {
		Entry      core.Entry
		Pointer    *core.Entry
		Credential core.Credential
	}
	values := map[string]any{
		"credential": e.Credential, "its address": &e.Credential,
		"entry": e, "entry's address": &e,
		"entries": []core.Entry{e}, "map": map[string]core.Entry{"a": e}, "struct": holder{e, &e, e.Credential},
	}
	for name, v := range values {
		for how, printed := range everyPrint(t, v) {
			checkPrinted(t, name+" by "+how, printed, e.Credential)
		}
	}
	for _, text := range []string{e.String(), fmt.Sprint(e), fmt.Sprintf("%+v", &e)} {
		if text != "ci sha256:"+keyID+"… scope=metrics,deploy" {
			t.Errorf("the entry prints as %s", text)
		}
	}
	if text := fmt.Sprintf("%#v", e); text != "core.Entry{ci sha256:"+keyID+"… scope=metrics,deploy}" {
		t.Errorf("the entry prints as %s", text)
	}
	if text := fmt.Sprintf("%#v", e.Credential); text != "core.Credential{sha256:"+keyID+"…}" {
		t.Errorf("the credential prints as %s", text)
	}
}

// A keyring prints as the number of what it holds.
func TestKeyringPrintsNoDigest(t *testing.T) {
	k, err := core.NewKeyring(rand.Reader, []byte("single"), []core.Entry{entryOf("ci", "token")})
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%s"} {
		if text := fmt.Sprintf(format, k); text != "keyring of 2 tokens and 2 principals" {
			t.Errorf("%s: %s", format, text)
		}
	}
	if text := fmt.Sprintf("%#v", k); text != "core.Keyring{keyring of 2 tokens and 2 principals}" {
		t.Errorf("%%#v: %s", text)
	}
}

// everyPrint returns what v looks like when it is printed, by the way it is printed.
func everyPrint(t *testing.T, v any) map[string]string {
	t.Helper()
	printed := map[string]string{}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%+s", "%#s", "%q", "%+q", "%#q", "%x", "%X", "% x", "%#x", "%.200v", "%300v"} {
		printed[format] = fmt.Sprintf(format, v)
	}
	printed["Sprint"] = fmt.Sprint(v)
	encoded, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	printed["JSON"] = string(encoded)
	var b bytes.Buffer
	for name, h := range map[string]slog.Handler{"slog text": slog.NewTextHandler(&b, nil), "slog JSON": slog.NewJSONHandler(&b, nil)} {
		b.Reset()
		slog.New(h).Info("a message", "value", v, slog.Group("group", slog.Any("value", v)))
		printed[name] = b.String()
	}
	return printed
}

// checkPrinted fails if printed has more of the credential than its key id, in hex
// or as numbers.
func checkPrinted(t *testing.T, how, printed string, c core.Credential) {
	t.Helper()
	flat := strings.NewReplacer(" ", "", "0x", "", "0X", "").Replace(strings.ToLower(printed))
	behind := fmt.Sprintf("%x", c[4:])
	for at := 0; at+6 <= len(behind); at += 2 {
		if piece := behind[at : at+6]; strings.Contains(flat, piece) {
			t.Errorf("%s: %q shows %s", how, printed, piece)
			return
		}
	}
	for _, separator := range []string{" ", ",", ", "} {
		if numbers := fmt.Sprint(c[4]) + separator + fmt.Sprint(c[5]) + separator + fmt.Sprint(c[6]); strings.Contains(printed, numbers) {
			t.Errorf("%s: %q shows %s", how, printed, numbers)
		}
	}
}
