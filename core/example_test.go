package core_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/concrete-security/auth-service/core"
)

func ExampleKeyring_Authorize() {
	const text = "ci sha256:b671a472e35e3265f56c33a442cdd6914fcb64b5d69010a67563897c46202a21 scope=metrics,deploy\n"
	entries, err := core.ParseKeyring([]byte(text))
	if err != nil {
		fmt.Println(err)
		return
	}
	keyring, err := core.NewKeyring(rand.Reader, nil, entries)
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Authorization", "Bearer the-token-of-the-continuous-integration")

	request := core.Request{Scopes: []byte("metrics"), Now: time.Now().Unix()}
	values := r.Header.Values("Authorization") // Get would hide a second field
	request.AuthorizationCount = len(values)
	if len(values) > 0 {
		request.Authorization = []byte(values[0])
	}
	decision := keyring.Authorize(&request)
	fmt.Println(decision.Status(), decision.Reason, decision.Principal)
	// Output: 200 granted ci
}
