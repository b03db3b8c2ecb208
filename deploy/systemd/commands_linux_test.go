package systemd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/deploy/internal/proxytest"
	"github.com/concrete-security/auth-service/internal/doctest"
	"github.com/concrete-security/auth-service/internal/needtest"
)

// systemctl starts the service as systemd would: with the environment of the drop-in, and
// as a user that owns nothing. What LoadCredential names is copied for that user.
const systemctl = `echo "systemctl $*" >>systemctl.log
case "$*" in
"enable --now auth-service.socket auth-service.service") ;;
*) exit 0 ;;
esac
drop_ins=$(cat etc/systemd/system/auth-service.service.d/*.conf)
credential=$(echo "$drop_ins" | sed -n 's/^LoadCredential=\(.*\):\(.*\)$/\2 credentials\/\1/p')
mkdir credentials run
[ -z "$credential" ] || install -m 444 $credential
chmod 777 run
environment=$(echo "$drop_ins" | sed -n "s|^Environment=||p" | sed "s|%d|$PWD/credentials|")
env LISTEN=tcp://$ADDRESS,unix://$PWD/run/auth.sock?mode=0666 $environment $AS_NOBODY auth-service >service.log 2>&1 &
for look in 1 2 3 4 5 6 7 8 9; do
	[ -S run/auth.sock ] && exit
	sleep 0.3
done
cat service.log
exit 1
`

// TestCommands runs the commands of the page: those that begin with a keyring, and
// those that begin with a token in a file.
func TestCommands(t *testing.T) {
	t.Parallel()
	const page = "README.md"
	start := doctest.Commands(t, page, "From nothing to a protected location")
	rotate := doctest.Commands(t, page, "Rotate and revoke")
	again := doctest.Commands(t, page, "When it cannot start")
	if len(start) != 4 {
		t.Fatalf("the page has %d blocks of commands", len(start))
	}
	for _, c := range []struct{ name, dropIn, make, rest string }{
		{"keyring", "keyring.conf", start[0], strings.Join(rotate, "")},
		{"token", "token.conf", start[1], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
				address := "127.0.0.1:" + proxytest.Port(t)
				here := strings.NewReplacer(
					"/etc/", s.Dir+"/etc/", "/run/auth-service/", s.Dir+"/run/", "http://localhost:8080/", "http://"+address+"/auth")
				s.Program(t, "systemctl", systemctl)
				s.Environment = []string{"ADDRESS=" + address}
				if os.Geteuid() == 0 {
					s.Environment = append(s.Environment, "AS_NOBODY="+needtest.Program(t, "setpriv")+" --reuid=65534 --regid=65534 --clear-groups")
					// Go lets nobody else into the test's folders.
					for dir := s.Dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
						if err := os.Chmod(dir, 0o755); err != nil {
							t.Fatal(err)
						}
					}
				}
				proxytest.WriteFile(t, filepath.Join(s.Dir, c.dropIn), here.Replace(read(t, c.dropIn)))
				commands := here.Replace(strings.Join([]string{c.make, start[2], start[3], c.rest}, ""))
				if c.name == "keyring" {
					commands += here.Replace(strings.Join(again, ""))
					// check refuses an empty keyring, so there has to be a token again.
					commands = strings.Replace(commands, "auth-service check", "auth-service token new -k "+s.Dir+"/etc/auth-service/keyring >made\nauth-service check", 1)
				}
				output := s.Run(t, commands)
				first, second := strings.Index(output, "HTTP/1.1 401 "), strings.Index(output, "HTTP/1.1 200 ")
				if first < 0 || second < first || !strings.Contains(output, "healthy") {
					t.Errorf("the requests are not answered as the page says:\n%s", output)
				}
				if token := doctest.Token.FindString(output); token != "" {
					t.Errorf("a token is shown: %s", token)
				}
			})
		})
	}
}
