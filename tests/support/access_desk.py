"""A service with two tenants, and callers of every kind. No provider is reached but those that a test puts in."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from ekyc.api import create_app
from ekyc.api.access.configuration import AccessSettings
from ekyc.api.access.front import open_access_front
from ekyc.api.v1 import ResourceFront
from ekyc.storage import NewClient, ServiceKey, Storage
from ekyc.testing import FixedClock

ISSUER = "https://ekyc.example.vn"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
CITIZEN = "ab" * 32
TEXT = "cd" * 32


class NoVerifier:
    """Verifies nothing."""

    def verify_folder(self, folder, *, challenge_id, live=None, owner=None):
        return {}

    def require_ready(self):
        pass


class AccessDesk:
    """The service, its clients' private keys, and requests on it."""

    def __init__(self, folder, *, settings=None, link_to=None, limits=None, csc=None):
        self.clock = FixedClock()
        folder.mkdir(exist_ok=True)
        self.storage = Storage.open(folder / "state.sqlite3", clock=self.clock)
        self.key = ServiceKey(bytes(range(32)))
        self.settings = settings or AccessSettings(issuer=ISSUER)
        self.front = open_access_front(
            self.settings, self.storage, self.key, link_to=link_to, limits=limits
        )
        self.stores = self.front.stores
        self.folder = folder
        self.csc = csc
        self.private = {}
        for tenant in ("a", "b"):
            self.stores.register.add_tenant(tenant, f"Tỉnh {tenant}")
            self.stores.register.add_office(tenant, "tinh", "Tỉnh")
            self.stores.register.add_office(tenant, "phuong", "Phường", parent="tinh")

    def close(self):
        self.storage.close()

    def client(self, name, tenant="a", *, scopes=("dossiers:read", "tools:use"), **changes):
        """Register a client with a key pair of its own."""
        pair = self.private[name] = ECKey.generate_key("P-256", parameters={"kid": f"{name}-1"})
        jwks = json.dumps({"keys": [pair.as_dict(private=False)]})
        wanted = {"jwks": jwks, "scopes": frozenset(scopes)} | changes
        return self.stores.register.add_client(tenant, NewClient(id=name, name=name, **wanted))

    def api_key(self, name, tenant="a", **options):
        return self.stores.keys.issue(tenant, name, **options)[1].reveal()

    def assertion(self, name, *, header=None, key=None, **changes):
        """A client's proof; a change to ``None`` leaves a claim out."""
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": name,
            "sub": name,
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": f"jti-{id(changes)}-{len(changes)}-{self._next()}",
        }
        claims = {k: v for k, v in (claims | changes).items() if v is not None}
        head = {"alg": "ES256", "kid": f"{name}-1"} | (header or {})
        head = {k: v for k, v in head.items() if v is not None}
        return jwt.encode(head, claims, key or self.private[name], algorithms=[head["alg"]])

    _count = 0

    def _next(self):
        AccessDesk._count += 1
        return AccessDesk._count

    def form(self, name, **changes):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": None,
        } | changes
        if form["client_assertion"] is None:
            form["client_assertion"] = self.assertion(name)
        return form

    def token(self, name, **changes):
        """An access token."""
        answer = self.ask(lambda http: http.post("/oauth2/token", data=self.form(name, **changes)))
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def app(self):
        return create_app(
            NoVerifier(),
            self.storage,
            access=self.front,
            csc=self.csc,
            scratch_parent=self.folder,
            resources=ResourceFront(self.storage.dossiers(self.key)),
        )

    def ask(self, talk, *, address="127.0.0.1"):
        """Talk to a fresh application: ``talk(client)`` is a coroutine."""
        app = self.app()

        async def converse():
            async with visitor(app, address) as http:
                return await talk(http)

        return asyncio.run(converse())

    def reasons(
        self, path="/v1/challenges", *, token=None, method="POST", address="127.0.0.1", **options
    ):
        """Status and code of one request."""
        headers = options.pop("headers", {})
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        answer = self.ask(
            lambda http: http.request(method, path, headers=headers, **options), address=address
        )
        return answer.status_code, answer.json().get("code") if answer.content else None


@asynccontextmanager
async def visitor(app, address="127.0.0.1", base_url=ISSUER):
    transport = httpx.ASGITransport(app=app, client=(address, 4711))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=base_url) as http,
    ):
        yield http
