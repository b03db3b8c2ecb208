package peer

import "testing"

func TestAllows(t *testing.T) {
	v := NewVerifier([]byte("a-token"))
	for authorization, want := range map[string]bool{
		"Bearer a-token": true, "bearer a-token": true,
		"": false, "Bearer": false, "Bearer ": false, "a-token": false, "Basic a-token": false,
		"Bearer a-toke": false, "Bearer a-token2": false, "Bearer b-token": false,
	} {
		if got := v.Allows([]byte(authorization)); got != want {
			t.Errorf("%q: got %v", authorization, got)
		}
	}
	if NewVerifier([]byte("a-token")).digest == v.digest {
		t.Error("two verifiers have the same salt")
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("AUTH_SERVICE_TOKEN", "a-token")
	t.Setenv("LISTEN", "tcp://127.0.0.1:1,unix:///a/b.sock")
	s, err := FromEnvironment()
	if err != nil || s.TCP != "127.0.0.1:1" || s.Unix != "/a/b.sock" || !s.Verifier.Allows([]byte("Bearer a-token")) {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, listen := range []string{"", "tcp://127.0.0.1:1", "unix:///a"} {
		t.Setenv("LISTEN", listen)
		if _, err := FromEnvironment(); err == nil {
			t.Errorf("LISTEN %q: no error", listen)
		}
	}
}
