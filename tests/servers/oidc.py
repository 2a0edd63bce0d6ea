"""An OpenID provider on loopback: `with Oidc() as server:`. Discovery, authorisation code with PKCE (S256), RS256 id_tokens, userinfo.

Whoever opens the authorisation page is signed in at once as `server.claims` say; what a test wants to go wrong is set in
`server.faults`: wrong_key, wrong_audience, wrong_issuer, no_id_token, other_subject, refuse, broken_token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.collect.loopback import http_server, respond

CLIENT_ID, CLIENT_SECRET = "yoake-of-the-tests", "secret_of-the-tests"


class Oidc:
    """The provider; `issuer` is its address."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {"sub": "s-1"}
        self.faults: set[str] = set()
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._stack = ExitStack()
        self.issuer = ""

    def __enter__(self) -> Self:
        self.issuer = self._stack.enter_context(http_server(self.answer)).rstrip("/")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One request."""
        (self.post if request.command == "POST" else self.get)(request)

    def get(self, request: BaseHTTPRequestHandler) -> None:
        """Discovery, keys, authorisation, userinfo."""
        url = urlsplit(request.path)
        self.asked.append(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/openid-configuration":
            self._tell(request, self._configuration())
        elif url.path == "/keys":
            told = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
            self._tell(request, {"keys": [{**told, "kid": "k1", "use": "sig", "alg": "RS256"}]})
        elif url.path == "/authorize":
            self._authorize(request, query)
        elif url.path == "/userinfo":
            bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
            claims = self.tokens.get(bearer)
            if claims is None:
                self._tell(request, {"error": "invalid_token"}, 401)
                return
            self._tell(request, {**claims, "sub": "somebody-else"} if "other_subject" in self.faults else claims)
        else:
            self._tell(request, {"error": "not_found"}, 404)

    def post(self, request: BaseHTTPRequestHandler) -> None:
        """The token endpoint: a code works once, for whoever knows the verifier and the secret."""
        self.asked.append(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if "broken_token" in self.faults:
            respond(request, 200, b"not json", Content_Type="application/json")
            return
        given = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        if given is None or not known or challenge != given["code_challenge"]:
            self._tell(request, {"error": "invalid_grant"}, 400)
            return
        if form.get("redirect_uri") != given["redirect_uri"]:
            self._tell(request, {"error": "invalid_grant"}, 400)
            return
        access = secrets.token_urlsafe(16)
        self.tokens[access] = dict(self.claims)
        told: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": 300}
        if "no_id_token" not in self.faults:
            told["id_token"] = self._id_token()
        self._tell(request, told)

    def _authorize(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        back = query["redirect_uri"]
        if "refuse" in self.faults:
            told = {"error": "access_denied", "state": query["state"]}
        else:
            assert query["code_challenge_method"] == "S256"
            assert query["response_type"] == "code"
            code = secrets.token_urlsafe(16)
            self.codes[code] = {"code_challenge": query["code_challenge"], "redirect_uri": back}
            told = {"code": code, "state": query["state"]}
        respond(request, 302, Location=f"{back}?{urlencode(told)}")

    def _id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://other.example" if "wrong_issuer" in self.faults else self.issuer,
            "aud": "somebody-else" if "wrong_audience" in self.faults else CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            **self.claims,
        }
        key = self._other if "wrong_key" in self.faults else self._key
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})

    def _configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _tell(self, request: BaseHTTPRequestHandler, told: dict[str, Any], status: int = 200) -> None:
        respond(request, status, json.dumps(told).encode(), Content_Type="application/json")
