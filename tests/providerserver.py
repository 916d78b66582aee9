"""A sign-in provider on loopback that speaks OpenID Connect: authorization code flow with PKCE.

Everybody who comes is signed in as `person`. It checks what a strict provider checks, and signs
with an EC key of its own. `lies` go over the claims of the next tokens.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.core.clock import now

CLIENT, SECRET = "leadersend", "a secret: with +%& signs"


class Provider:
    """The server, and what it knows."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {
            "sub": "7-alice", "email": "alice@bakery.example", "email_verified": True
        }  # fmt: skip
        self.lies: dict[str, Any] = {}
        self.by_userinfo = False
        """Whether the address is only told by the userinfo endpoint."""
        self.key = ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
        self.asked: dict[str, str] = {}
        """Parameters of the newest visit."""
        self.codes: dict[str, dict[str, str]] = {}
        self.problems: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.redirect_uri = ""

    def __enter__(self) -> Provider:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def document(self) -> dict[str, Any]:
        """Discovery."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def keys(self) -> dict[str, Any]:
        """What signatures are verified with."""
        return dict(KeySet([self.key]).as_dict(private=False))

    def authorize(self, query: str) -> str:
        """Sign the person in, and send them back with a code."""
        self.asked = dict(parse_qsl(query))
        assert self.asked["client_id"] == CLIENT
        assert self.asked["response_type"] == "code"
        assert self.asked["code_challenge_method"] == "S256"
        assert "openid" in self.asked["scope"].split()
        assert self.asked["redirect_uri"] == self.redirect_uri
        code = secrets.token_urlsafe()
        self.codes[code] = self.asked
        answer = {"code": code, "state": self.asked["state"], "iss": self.issuer}
        return f"{self.redirect_uri}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str], authorization: str) -> dict[str, str]:
        """A code, once, for tokens. KeyError and AssertionError are refusals."""
        name, _, secret = base64.b64decode(authorization.split()[1]).decode().partition(":")
        assert (unquote_plus(name), unquote_plus(secret)) == (CLIENT, SECRET)
        asked = self.codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        assert form["redirect_uri"] == self.redirect_uri
        return {
            "access_token": "access", "token_type": "Bearer", "id_token": self.token(asked["nonce"])
        }  # fmt: skip

    def token(self, nonce: str) -> str:
        """The ID token."""
        moment = int(now().timestamp())
        shown = {"sub": self.person["sub"]} if self.by_userinfo else self.person
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": moment, "exp": moment + 300,
            "auth_time": moment, "nonce": nonce, **shown, **self.lies,
        }  # fmt: skip
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(parts.query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/userinfo":
                assert self.headers["Authorization"] == "Bearer access"
                self._tell(provider.person)
            else:
                pages = {"/keys": provider.keys, "/.well-known/openid-configuration":
                         provider.document}  # fmt: skip
                self._tell(pages[parts.path]())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            try:
                self._tell(provider.exchange(form, self.headers["Authorization"]))
            except (KeyError, AssertionError) as error:
                provider.problems.append(repr(error))
                self._tell({"error": "invalid_grant"}, 400)

        def _tell(self, found: object, status: int = 200) -> None:
            body = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler
