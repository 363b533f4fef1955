"""A whole signing interface over one pilot: people, credentials, clients, a portal, and clients that speak to it."""

import base64
import hashlib
from functools import cache
from urllib.parse import parse_qs, urlsplit

from signing_pilot import EC, RSA, Pilot

from ekyc.api import create_app
from ekyc.api.csc import open_csc_front
from ekyc.errors import TrustError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.signing.activation.module import ActivationModule, Credential
from ekyc.signing.activation.remote_service import HeldCredential, SigningService
from ekyc.signing.activation.sad import ActivationMethod, Evidence, FactorProof
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.csc import ClientRegister, CscClient, CscSettings, challenge_of
from ekyc.signing.keys.software import SoftwareKey
from ekyc.storage import ServiceKey

ME, SOMEBODY_ELSE = (hashlib.sha256(name).hexdigest() for name in (b"me", b"else"))
SESSION, ANOTHER = (hashlib.sha256(name).hexdigest() for name in (b"s1", b"s2"))
REPORT, CASE = (hashlib.sha256(name).hexdigest() for name in (b"report", b"case"))
CODE = "123456"
CLIENT, OTHER_CLIENT, SEAL_CLIENT = "portal-app", "other-app", "seal-app"
SECRET, OTHER_SECRET, SEAL_SECRET, PORTAL_SECRET = ("secret-" + c * 40 for c in "abcd")
BACK, OTHER_BACK = "https://app.example/back?tenant=1", "https://other.example/back"
SHA256 = "2.16.840.1.101.3.4.2.1"
ECDSA, PSS = "1.2.840.10045.4.3.2", "1.2.840.113549.1.1.10"
A, B, C = (hashlib.sha256(name).digest() for name in (b"a", b"b", b"c"))


@cache
def rsa_key():
    """One for all desks: making it takes a second."""
    return SoftwareKey.generate(RSA)


class OneCode:
    """A second factor that knows one code and one authenticator's answer. **It protects nothing.**"""

    relying_party = "portal.example"

    def __init__(self):
        self.people = {ME: {ActivationMethod.TOTP, ActivationMethod.WEBAUTHN}}

    def methods(self, holder):
        return frozenset(self.people.get(holder, ()))

    def authenticators(self, holder):
        return (b"authenticator-1",)

    def take_code(self, holder, answer):
        if answer.code != CODE:
            raise TrustError("wrong", code="factor.wrong_code")
        return FactorProof(factor="totp-1")

    def check_answer(self, holder, answer, *, challenge):
        if answer.assertion.signature != hashlib.sha256(challenge).digest():
            raise TrustError("wrong", code="factor.assertion")
        return FactorProof(factor="key-1", assertion=answer.assertion)

    def require(self, proof, *, method, holder, challenge):
        """The signing side's question; this one asks nothing back."""

    def has_enrolled(self, decision):
        """Nothing was enrolled by a decision of the desk's."""
        return False

    def used(self, proof):
        """Nothing is counted."""


class Decisions:
    """Decisions on people, newest last."""

    def __init__(self):
        self.made = {}

    def latest(self, caller):
        return self.made.get((caller.holder, caller.session))


class CscDesk:
    """The service, and what is around it."""

    def __init__(self, folder, *, clock=None, base_url="http://localhost", **options):
        self.pilot = Pilot(folder, clock=clock)
        self.clock, self.storage = self.pilot.clock, self.pilot.storage
        self.factors, self.decisions = OneCode(), Decisions()
        self.identities = {
            "c-ec": self.pilot.party("citizen", "Nguyễn Thị Mẫu").signer,
            "c-rsa": self.pilot.party("citizen", "Nguyễn Thị Mẫu", key=rsa_key()).signer,
            "c-plain": self.pilot.party("citizen", "Nguyễn Thị Mẫu").signer,
            "c-other": self.pilot.party("citizen", "Trần Văn Khác").signer,
        }
        self.holders = dict.fromkeys(self.identities, ME) | {"c-other": SOMEBODY_ELSE}
        self.methods = {name: frozenset(ActivationMethod) for name in self.identities} | {
            "c-plain": frozenset({ActivationMethod.TOTP})
        }
        self.disabled = set()
        self.issuer_key = SoftwareKey.generate(EC)
        self.grants = self.storage.grants(ServiceKey(bytes(range(32))))
        self.services = self.pilot.as_party(self.identities["c-ec"])
        self.signing = self.open_signing()
        self.front = self.open_front(base_url, **options)

    def open_signing(self):
        module = ActivationModule(
            public_key_of={"portal": self.issuer_key.public_key_der}.get,
            credential_of=self.with_key,
            activations=self.storage.activations,
            results=self.storage.results,
            material=self.pilot.ca.material,
            clock=self.clock,
            factors=self.factors,
        )
        return SigningService(
            issuer=SadIssuer(
                "portal", key=self.issuer_key, clock=self.clock, random=SystemRandom()
            ),
            module=module,
            credentials=self,
            evidence=self.decisions,
            material=self.pilot.ca.material,
            clock=self.clock,
            factors=self.factors,
        )

    def open_front(self, base_url, *, redirect_uri=BACK, **options):
        settings = CscSettings(
            name="Ký số thử nghiệm",
            base_url=base_url,
            login_url="https://portal.example/sign?lang=vi",
            portal_secret_digest=digest_of(PORTAL_SECRET),
        )
        clients = ClientRegister(
            (
                CscClient(
                    id=CLIENT,
                    name="Ứng dụng của cổng",
                    secret_digest=digest_of(SECRET),
                    redirect_uris=(redirect_uri,),
                ),
                CscClient(
                    id=OTHER_CLIENT,
                    name="Ứng dụng khác",
                    secret_digest=digest_of(OTHER_SECRET),
                    redirect_uris=(OTHER_BACK,),
                ),
                CscClient(
                    id=SEAL_CLIENT,
                    name="Con dấu",
                    secret_digest=digest_of(SEAL_SECRET),
                    holder=SOMEBODY_ELSE,
                ),
            )
        )
        return open_csc_front(
            settings,
            clients,
            signing=self.signing,
            grants=self.grants,
            services=options.pop("services", self.services),
            clock=self.clock,
        )

    def app(self, verifier, scratch=None):
        return create_app(verifier, self.storage, csc=self.front, scratch_parent=scratch)

    # the directory of credentials

    def of_holder(self, holder):
        return tuple(self.find(name) for name, whose in self.holders.items() if whose == holder)

    def find(self, name):
        identity = self.identities.get(name)
        if identity is None:
            return None
        return HeldCredential(
            id=name,
            holder=self.holders[name],
            certificate_der=identity.certificate_der,
            issuers_der=identity.issuers_der,
            methods=self.methods[name],
            enabled=name not in self.disabled,
        )

    def with_key(self, name):
        identity = self.identities.get(name)
        if identity is None:
            return None
        return Credential(
            id=name, holder=self.holders[name], identity=identity, methods=self.methods[name]
        )

    # people

    def verify(self, holder=ME, session=SESSION, verdict=Verdict.ACCEPT):
        """A fresh decision on a person, on record."""
        stored = self.storage.results.record(
            case_digest=CASE, profile="demo", verdict=verdict, reasons=(), report_digest=REPORT
        )
        self.decisions.made[holder, session] = Evidence(
            result_id=stored.id,
            report_digest=REPORT,
            verdict=verdict,
            holder=holder,
            session=session,
            at=self.clock.now(),
        )

    def close(self):
        self.pilot.close()


class Speaker:
    """A client of the interface and the portal's page, over a synchronous HTTP client of some kind."""

    def __init__(self, http):
        self.http = http

    def ask(self, path, body=None, *, token=None, status=200):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.http.post(
            f"/csc/{path}", json={} if body is None else body, headers=headers
        )
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def refusal(self, path, body=None, *, token=None):
        """Status, word and sentence of a refusal."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        response = self.http.post(
            f"/csc/{path}", json={} if body is None else body, headers=headers
        )
        return told(response)

    def form(self, path, fields, auth=(CLIENT, SECRET)):
        return self.http.post(
            f"/csc/oauth2/{path}",
            data=fields,
            headers={} if auth is None else {"Authorization": basic(*auth)},
        )

    def authorize(self, **changed):
        """The browser's first step; the response."""
        return self.http.get("/csc/oauth2/authorize", params=request_of(**changed))

    def ticket(self, **changed):
        place = self.authorize(**changed).headers["location"]
        assert place.startswith("https://portal.example/sign?lang=vi&ticket="), place
        return query_of(place)["ticket"]

    def page(self, path, *, status=200, secret=PORTAL_SECRET, **body):
        whole = {"holder": ME, "session": SESSION} | body
        return self.ask(f"consent/{path}", whole, token=secret, status=status)

    def agree(self, ticket, **said):
        place = self.page("answer", ticket=ticket, approve=True, **said)["redirect_to"]
        return query_of(place)

    def code(self, *, who=None, said=None, method=None, **changed):
        """A code for what the request asks, agreed to by the person."""
        ticket = self.ticket(**changed)
        who = who or {}
        self.page("question", ticket=ticket, **({"method": method} if method else {}), **who)
        return self.agree(ticket, **(said or {}), **who)["code"]

    def exchange(self, code, *, auth=(CLIENT, SECRET), verifier=None, **changed):
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": verifier or VERIFIER,
            **changed,
        }
        return self.form("token", {k: v for k, v in fields.items() if v is not None}, auth)

    def service_token(self, **options):
        response = self.exchange(self.code(**options))
        assert response.status_code == 200, response.text
        return response.json()["access_token"]

    def credential_token(self, *hashes, credential="c-ec", **options):
        """An access token of scope ``credential``, agreed to by verification alone."""
        code = self.code(
            scope="credential",
            credentialID=credential,
            numSignatures=str(len(hashes)),
            hashes=",".join(map(url64, hashes)),
            hashAlgorithmOID=SHA256,
            **options,
        )
        return self.exchange(code).json()["access_token"]

    def sad_v1(self, token, *hashes, credential="c-ec", **changed):
        body = {
            "credentialID": credential,
            "numSignatures": len(hashes),
            "hash": [b64(one) for one in hashes],
            "OTP": CODE,
            **changed,
        }
        return self.ask("v1/credentials/authorize", body, token=token)["SAD"]


VERIFIER = "v" * 43


def request_of(**changed):
    """Parameters of an authorisation request; ``None`` leaves one out."""
    usual = {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": "service",
        "state": "st-1",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


def sign_v1(sad, *hashes, credential="c-ec", algo=ECDSA, **changed):
    body = {
        "credentialID": credential,
        "SAD": sad,
        "hash": [b64(one) for one in hashes],
        "hashAlgo": SHA256,
        "signAlgo": algo,
        **changed,
    }
    return {name: value for name, value in body.items() if value is not None}


def sign_v2(sad, *hashes, credential="c-ec", algo=ECDSA, **changed):
    body = {
        "credentialID": credential,
        "SAD": sad,
        "hashes": [b64(one) for one in hashes],
        "hashAlgorithmOID": SHA256,
        "signAlgo": algo,
        **changed,
    }
    return {name: value for name, value in body.items() if value is not None}


def told(response):
    body = response.json()
    assert set(body) == {"error", "error_description"}, body
    return response.status_code, body["error"], body["error_description"]


def query_of(place):
    return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def b64(data):
    return base64.b64encode(data).decode()


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def digest_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()
