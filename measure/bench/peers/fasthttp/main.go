// Command fasthttp answers /auth with github.com/valyala/fasthttp.
package main

import (
	"log"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/concrete-security/auth-service/measure/bench/peers/peer"
)

func main() {
	s, err := peer.FromEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	server := &fasthttp.Server{
		NoDefaultServerHeader: true,
		ReadTimeout:           10 * time.Second,
		IdleTimeout:           75 * time.Second,
		Handler: func(c *fasthttp.RequestCtx) {
			switch {
			case string(c.Path()) != "/auth":
				c.SetStatusCode(fasthttp.StatusNotFound)
			case !s.Verifier.Allows(c.Request.Header.Peek(fasthttp.HeaderAuthorization)):
				c.Response.Header.Set(fasthttp.HeaderWWWAuthenticate, "Bearer")
				c.SetStatusCode(fasthttp.StatusUnauthorized)
			}
		},
	}
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
