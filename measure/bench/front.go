package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// configuration is what every nginx here has in common. They work with the
// defaults of keepalive_requests, as a user's would.
const configuration = `%s
worker_processes %[4]d;
worker_rlimit_nofile 8192;
daemon off;
pid %[2]s/%[3]s.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
access_log off;
client_body_temp_path %[2]s/%[3]s-body;
proxy_temp_path %[2]s/%[3]s-proxy;
fastcgi_temp_path %[2]s/%[3]s-fastcgi;
uwsgi_temp_path %[2]s/%[3]s-uwsgi;
scgi_temp_path %[2]s/%[3]s-scgi;
`

func startNginx(ctx context.Context, dir, name string, workers int, servers string) (*process, error) {
	path, err := writeNginx(dir, name, workers, servers)
	if err != nil {
		return nil, err
	}
	return start(ctx, dir, name, nil, "nginx", nginxArguments(dir, path)...)
}

func nginxArguments(dir, path string) []string {
	return []string{"-e", "stderr", "-p", dir, "-c", path}
}

// writeNginx writes a configuration and returns its path.
func writeNginx(dir, name string, workers int, servers string) (string, error) {
	user := ""
	if os.Geteuid() == 0 { // or the worker could not open the sockets
		user = "user root;"
	}
	text := fmt.Sprintf(configuration, user, dir, name, workers) + servers + "}\n"
	path := filepath.Join(dir, name+".conf")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// anchorConfiguration is nginx in the place of an authentication server. It
// says yes to everybody, which is less work than a verdict.
func anchorConfiguration(tcp, socket string) string {
	return fmt.Sprintf("server {\nlisten %s;\nlisten unix:%s;\nlocation = /auth { return 200; }\n}\n", tcp, socket)
}

func path(c column, b *backend) string { return "/" + c.Key + "/" + b.fileName() }

// frontConfiguration has a location for every column of every backend.
// A protected location has an answer of its own, made from memory.
func frontConfiguration(address string, backends []*backend) string {
	var upstreams, locations strings.Builder
	for _, c := range columns {
		for _, b := range backends {
			switch {
			case c.Direct > 0 || !b.answers(c):
				continue
			case b.Name == ceilingName:
				fmt.Fprintf(&locations, "location = %s { empty_gif; }\n", path(c, b))
				continue
			}
			upstream := c.Key + "-" + b.fileName()
			server, keepalive := b.tcp, ""
			if c.Unix {
				server = "unix:" + b.socket
			}
			// nginx' own defaults, and what the Python original was used
			// with: HTTP/1.0, every field passed on.
			subrequest := "proxy_http_version 1.0;\nproxy_set_header Connection close;\n"
			if c.Kept {
				keepalive = "keepalive 64; "
				subrequest = "proxy_http_version 1.1;\nproxy_set_header Connection \"\";\n" +
					"proxy_pass_request_headers off;\nproxy_set_header Authorization $http_authorization;\n"
			}
			fmt.Fprintf(&upstreams, "upstream %s { server %s; %s}\n", upstream, server, keepalive)
			fmt.Fprintf(&locations, "location = %s { auth_request /_auth%[1]s; empty_gif; }\n", path(c, b))
			fmt.Fprintf(&locations, "location = /_auth%s {\ninternal;\nproxy_pass http://%s/auth;\n%s"+
				"proxy_pass_request_body off;\nproxy_set_header Content-Length \"\";\n}\n", path(c, b), upstream, subrequest)
		}
	}
	return upstreams.String() + "server {\nlisten " + address + ";\n" + locations.String() + "}\n"
}

// probe makes sure that a backend lets a valid token in and, where somebody
// looks at it, keeps a wrong one out.
func probe(ctx context.Context, url string, c column, b *backend) error {
	wrong := http.StatusUnauthorized
	if b.Blind {
		wrong = http.StatusOK
	}
	for _, attempt := range []struct {
		token string
		want  int
	}{{token, http.StatusOK}, {"not-" + token, wrong}} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+attempt.token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != attempt.want {
			return fmt.Errorf("%s, %s: status %d instead of %d", b.Name, c.Name, response.StatusCode, attempt.want)
		}
	}
	return nil
}
