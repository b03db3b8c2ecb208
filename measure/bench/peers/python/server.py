"""Answers /auth as a single-threaded http.server program does: HTTP/1.0, a
connection for each request, the next one served when the last has ended."""

import hashlib
import hmac
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

SALT = os.urandom(32)


def salted(token):
    return hashlib.sha256(SALT + token.encode("latin-1")).digest()


DIGEST = salted(os.environ["AUTH_SERVICE_TOKEN"])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 404
        if self.path == "/auth":
            scheme, _, token = self.headers.get("Authorization", "").partition(" ")
            allowed = scheme == "Bearer" and hmac.compare_digest(salted(token), DIGEST)
            status = 200 if allowed else 401
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()

    def log_message(self, *args):
        pass


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
