// Command nethttp answers /auth with the standard library's server.
package main

import (
	"log"
	"net"
	"net/http"
	"time"

	"github.com/concrete-security/auth-service/measure/bench/peers/peer"
)

func main() {
	s, err := peer.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		if !s.Verifier.Allows([]byte(r.Header.Get("Authorization"))) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second}
	failed := make(chan error)
	for network, address := range map[string]string{"tcp": s.TCP, "unix": s.Unix} {
		l, err := net.Listen(network, address) //nolint:noctx // there is nothing to cancel it
		if err != nil {
			log.Fatal(err)
		}
		go func() { failed <- server.Serve(l) }()
	}
	log.Fatal(<-failed)
}
