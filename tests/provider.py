"""A small OpenID Connect provider on a free port of 127.0.0.1; it signs in the user that the test names, unasked."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


class Provider:
    """The provider: ``claims`` describe the user who signs in next, ``asked`` holds requests by their code."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.claims: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.asked: dict[str, dict[str, str]] = {}

    def configuration(self) -> dict[str, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.address, "id_token_signing_alg_values_supported": ["RS256"]} | {
            name: f"{self.address}/{path}" for name, path in names.items()
        }

    def redirect(self, query: dict[str, str]) -> str:
        code = secrets.token_hex(8)
        self.asked[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str]) -> dict[str, Any]:
        query, now = self.asked.pop(form["code"]), int(time.time())
        registered = {"iss": self.address, "aud": query["client_id"], "iat": now, "exp": now + 600, "sub": "1"}
        claims = registered | {"nonce": query.get("nonce", "")} | self.claims
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": signed}


@contextmanager
def provided(port: int) -> Iterator[Provider]:
    """Serve a provider for as long as the block runs."""
    provider = Provider(port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.redirect(single(parts.query)))
                self.end_headers()
            elif parts.path == "/keys":
                self.send_json({"keys": [provider.key.as_dict(private=False)]})
            else:
                self.send_json(provider.configuration())

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send_json(provider.token(single(form)))

        def send_json(self, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()


def single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
