"""A small OpenID provider of ours for tests: code flow with PKCE, and every fault that a test asks it for. **Insecure.**

In this process it answers a relying party's link directly; ``python identity_provider.py PORT FOLDER`` serves it over
TLS in a process of its own. Everybody who comes is logged in as the person that ``become`` named last.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey

SECRET = "provider secret"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class IdentityProvider:
    """Answers requests; ``fault`` says what it gets wrong next."""

    def __init__(self, issuer, *, client_id="ekyc", redirect_uri, clock=None, names_itself=True):
        self.issuer = issuer
        self.client_id = client_id
        self.redirect_uri = redirect_uri
        self.names_itself = names_itself
        self.now = time.time if clock is None else lambda: clock.now().timestamp()
        self.key = ECKey.generate_key("P-256", parameters={"kid": "op-1"})
        self.codes = {}
        self.fault = None
        self.claims = {"sub": "staff-1", "groups": ["ekyc-officers"], "office": "HN01"}

    def answer(self, method, target, headers, body):
        """(status, headers, body) of one request."""
        parts = urlsplit(target)
        known = {
            ("GET", "/.well-known/openid-configuration"): self._description,
            ("GET", "/jwks"): self._jwks,
            ("GET", "/authorize"): self._authorize,
            ("POST", "/token"): self._token,
            ("GET", "/become"): self._become,
        }
        handle = known.get((method, parts.path))
        return handle(parts.query, headers, body) if handle else (404, {}, b"")

    def _description(self, *_):
        if self.fault == "calls itself otherwise":
            return self._json({"issuer": "https://elsewhere.example"})
        return self._json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "end_session_endpoint": f"{self.issuer}/end",
                "authorization_response_iss_parameter_supported": self.names_itself,
            }
        )

    def _jwks(self, *_):
        return self._json({"keys": [self.key.as_dict(private=False)]})

    def _become(self, query, *_):
        """Control by the test: who logs in next, and what goes wrong."""
        told = dict(parse_qsl(query))
        self.fault = told.get("fault")
        if "claims" in told:
            self.claims = json.loads(told["claims"])
        return 204, {}, b""

    def _authorize(self, query, *_):
        given = {name: values[0] for name, values in parse_qs(query).items()}
        if (
            given.get("client_id") != self.client_id
            or given.get("redirect_uri") != self.redirect_uri
        ):
            return 400, {}, b"no such client, or not its address"
        if given.get("code_challenge_method") != "S256" or "openid" not in given["scope"].split():
            return 400, {}, b"PKCE"
        code = b64(hashlib.sha256(f"{len(self.codes)}{self.now()}".encode()).digest())
        self.codes[code] = given
        back = {"code": code, "state": given["state"]}
        if self.names_itself:
            back["iss"] = self.issuer
        if self.fault == "issuer mix-up":
            back["iss"] = "https://attacker.example"
        if self.fault == "no issuer":
            back.pop("iss", None)
        if self.fault == "declined":
            back = {"error": "access_denied", "state": given["state"], "iss": self.issuer}
        return 302, {"location": f"{self.redirect_uri}?{urlencode(back)}"}, b""

    def _token(self, _query, headers, body):
        form = dict(parse_qsl(body.decode()))
        pair = base64.b64decode(headers.get("authorization", "Basic ").split(" ")[1]).decode()
        if unquote(pair) != f"{self.client_id}:{SECRET}":
            return self._json({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form["code"], None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return self._json({"error": "invalid_grant"}, 400)
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        if b64(verifier) != asked["code_challenge"]:
            return self._json({"error": "invalid_grant"}, 400)
        if self.fault == "no ID token":
            return self._json({"access_token": "x", "token_type": "Bearer"})
        return self._json({"token_type": "Bearer", "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce):
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
        } | self.claims
        header = {"alg": "ES256", "kid": "op-1", "typ": "JWT"}
        wrong = {
            "nonce": {"nonce": "another"},
            "no nonce": {"nonce": None},
            "token of another issuer": {"iss": "https://attacker.example"},
            "audience": {"aud": "another-client"},
            "two audiences": {"aud": [self.client_id, "another-client"]},
            "authorised party": {"azp": "another-client"},
            "expired": {"iat": now - 400, "exp": now - 100},
            "old": {"iat": now - 3600},
            "from the future": {"iat": now + 3600, "exp": now + 7200},
        }.get(self.fault, {})
        claims = {k: v for k, v in (claims | wrong).items() if v is not None}
        if self.fault == "alg none":
            head = b64(json.dumps({"alg": "none"}).encode())
            return f"{head}.{b64(json.dumps(claims).encode())}."
        key = self.key
        if self.fault == "another key":
            key = ECKey.generate_key("P-256", parameters={"kid": "op-1"})
        if self.fault == "unknown key":
            header["kid"] = "op-9"
        token = jws.serialize_compact(header, json.dumps(claims), key)
        if self.fault == "changed":
            head, _, signature = token.split(".")
            body = b64(json.dumps(claims | {"groups": ["ekyc-admins"]}).encode())
            return f"{head}.{body}.{signature}"
        return token

    @staticmethod
    def _json(document, status=200):
        return status, {"content-type": "application/json"}, json.dumps(document).encode()


class DirectLink:
    """A relying party's link to a provider in this process."""

    def __init__(self, provider):
        self.provider = provider
        self.sent = []

    def send(self, method, url, body, *, headers):
        from ekyc.flows.guarded_link import GuardedAnswer

        self.sent.append((method, url))
        assert url.startswith(self.provider.issuer)
        given = {name.lower(): value for name, value in headers.items()}
        target = url.removeprefix(self.provider.issuer)
        status, back, answer = self.provider.answer(method, target, given, body)
        return GuardedAnswer(status=status, headers=back, body=answer)


def as_asgi(provider):
    """The provider as an ASGI application."""

    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        target = f"{scope['path']}?{scope['query_string'].decode()}"
        status, back, answer = provider.answer(scope["method"], target, headers, body)
        listed = [(name.encode(), value.encode()) for name, value in back.items()]
        listed.append((b"content-length", str(len(answer)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": listed})
        await send({"type": "http.response.body", "body": answer})

    return app


def make_certificate(folder):
    """A certificate for localhost that signs itself: cert.pem, key.pem."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def main():
    import uvicorn

    port, folder, redirect_uri = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    provider = IdentityProvider(f"https://localhost:{port}", redirect_uri=redirect_uri)
    uvicorn.run(
        as_asgi(provider),
        host="127.0.0.1",
        port=port,
        ssl_certfile=str(folder / "cert.pem"),
        ssl_keyfile=str(folder / "key.pem"),
        log_level="warning",
        lifespan="off",
    )


if __name__ == "__main__":
    main()
