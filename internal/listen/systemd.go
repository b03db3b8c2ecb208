package listen

import (
	"net"
	"strconv"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/concrete-security/auth-service/internal/setting"
)

// inheritedListeners returns the sockets that systemd has opened (sd_listen_fds(3)).
func inheritedListeners() ([]net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	if len(listeners) == 0 {
		return nil, setting.Invalid("systemd has passed no socket to this process (check LISTEN_PID)")
	}
	for i, l := range listeners {
		if l == nil || !isListening(l) {
			for _, l := range listeners {
				if l != nil {
					_ = l.Close()
				}
			}
			return nil, setting.Invalid("the %s socket from systemd is not a listening stream socket", ordinal(i+1))
		}
	}
	return listeners, nil
}

func ordinal(n int) string {
	if n >= 1 && n <= 3 {
		return [...]string{"first", "second", "third"}[n-1]
	}
	return strconv.Itoa(n) + "th"
}
