package kubernetes_test

import (
	"strings"
	"testing"

	"github.com/concrete-security/auth-service/internal/doctest"
)

// kubectl keeps the Secret in the file secret, as Kubernetes does: in base64.
const kubectl = `case "$*" in
"apply -k .") ;;
"-n auth-service create secret generic auth-service-keyring --from-file=keyring") base64 --wrap=0 keyring >secret ;;
"-n auth-service create secret generic auth-service-keyring --from-file=keyring --dry-run=client -o yaml") base64 --wrap=0 keyring ;;
"apply -f -") cat >secret.new && mv secret.new secret ;;
"-n auth-service get secret auth-service-keyring -o jsonpath={.data.keyring}") cat secret ;;
*) exit 9 ;;
esac
`

// TestCommands runs the commands of the page. Somebody else has changed the Secret
// before the token is rotated.
func TestCommands(t *testing.T) {
	t.Parallel()
	first := doctest.Commands(t, "README.md", "Kubernetes")
	rotate := doctest.Commands(t, "README.md", "Rotating and revoking")
	doctest.Both(t, func(t *testing.T, s *doctest.Shell) {
		s.Program(t, "kubectl", kubectl)
		output := s.Run(t, strings.Join(first, ""),
			`auth-service token new -k elsewhere --principal other >made; cat elsewhere keyring | base64 --wrap=0 >secret`,
			strings.Join(rotate, ""),
			`base64 --decode <secret >mounted`,
			`for token in "$TOKEN" "$NEW_TOKEN"; do printf %s "$token" | auth-service token verify -k mounted; done`,
			`auth-service token list -k mounted other | grep -c active`)
		if strings.Count(output, "granted: me ") != 2 || !strings.HasSuffix(output, "\n1\n") {
			t.Errorf("the Secret does not have the tokens:\n%s", output)
		}
		if token := doctest.Token.FindString(output); token != "" {
			t.Errorf("a token is shown: %s", token)
		}
	})
}
