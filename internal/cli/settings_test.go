package cli

import (
	"testing"

	"github.com/concrete-security/auth-service/core"
)

// TestWhitespaceAroundSettings: a file of variables may have the line ends of Windows.
func TestWhitespaceAroundSettings(t *testing.T) {
	for name, value := range map[string]string{
		"LOG_FORMAT": "json\r", "ACCEPT": " bearer,basic\r\n", "REALM": "\ta realm\r", "IDENTITY": "user,key\r", "MAX_HEADER_BYTES": "9000\r",
	} {
		t.Setenv(name, value)
	}
	s, err := settingsOf(FromEnvironment())
	if err != nil {
		t.Fatal(err)
	}
	if !s.LogJSON || s.Accept.Schemes != core.Bearer|core.Basic || s.Realm != "a realm" || s.Identity != core.IdentityUser|core.IdentityKey || s.MaxHeaderBytes != 9000 {
		t.Errorf("%+v", s)
	}

	t.Setenv("REALM", " \r")
	if s, err := settingsOf(FromEnvironment()); err != nil || s.Realm != "" {
		t.Errorf("whitespace alone is the realm %q, %v", s.Realm, err)
	}
}

func settingsOf(line *CommandLine) (Settings, error) { return line.Serve.Settings(line.Given) }
