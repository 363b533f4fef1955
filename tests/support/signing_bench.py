"""A signing side, an issuing side and a vault over one database, and what a portal and a signer's device ask of it."""

from __future__ import annotations

from credential_desk import ISSUER, Registry
from csc_desk import CODE, ME, SESSION, CscDesk

from ekyc.api.credentials import CredentialFront
from ekyc.api.signatures import SignatureFront
from ekyc.flows.signature_request import SignatureFlow
from ekyc.ports import SystemRandom
from ekyc.signing import Level
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.credentials.issuer import ResultIssuer
from ekyc.signing.pdf.result_signer import OneShotSigner
from ekyc.storage import FileBlobStore, FileKeyProvider, ServiceKey

KEY = ServiceKey(bytes(32))
PATH = "/v1/signature-requests"
SECOND_FACTORS = frozenset({ActivationMethod.WEBAUTHN, ActivationMethod.TOTP})


class DeathError(BaseException):
    """The process is gone."""


class Mortal:
    """Remote signing that counts what leaves it, and dies where it is told to."""

    def __init__(self, signing):
        self.signing, self.dies, self.left = signing, None, 0

    def __getattr__(self, name):
        return getattr(self.signing, name)

    def authorise(self, *arguments):
        self._at("before the word")
        done = self.signing.authorise(*arguments)
        self._at("after the word")
        return done

    def sign(self, *arguments, **options):
        self._at("before the key")
        done = self.signing.sign(*arguments, **options)
        self.left += 1
        self._at("after the key")
        return done

    def _at(self, point):
        if self.dies == point:
            self.dies = None
            raise DeathError


class Bench:
    """A signing side, an issuing side and a vault over one database."""

    def __init__(self, folder, storage, clock):
        self.csc = CscDesk(folder, clock=clock)
        keys = FileKeyProvider(folder / "keys", SystemRandom())
        self.vault = storage.vault(keys, FileBlobStore(folder / "blobs", SystemRandom()))
        self.mortal = Mortal(self.csc.signing)
        pilot, registry = self.csc.pilot, Registry()
        self.flow = SignatureFlow(
            storage.dossiers(KEY),
            self.vault,
            signing=self.mortal,
            services=self.csc.services,
            level=Level.B_T,
        )
        issuer = ResultIssuer(
            id=ISSUER,
            series=f"{ISSUER}/tt",
            signer=registry.signer,
            register=storage.issued_results,
            service_key=KEY,
        )
        self.options = {
            "vault": self.vault,
            "signatures": SignatureFront(flow=self.flow),
            "credentials": CredentialFront(
                issuer=issuer, authority=OneShotSigner(pilot.authorities, pilot.keys, clock=clock)
            ),
        }
        self.anchors, self.clock = pilot.anchors, clock


async def asked(desk, bench, **members):
    """A request for a signature under the page of a result, and its signer's headers."""
    session = (await desk.session()).rpartition("/")[2]
    assert (await desk.submit(f"/v1/sessions/{session}")).json()["final"] is True
    bench.csc.verify(ME, SESSION)
    made = (await desk.post("/v1/credentials", json={"session_id": session})).json()
    page = await desk.get(made["document"])
    assert page.status_code == 200, page.text
    wanted = {"session_id": session, "credential_id": made["id"], "title": "Kết quả"} | members
    answer = await desk.post(PATH, json=wanted)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return body, {"Authorization": f"Bearer {body['signer_token']}"}, page.content


async def propose(desk, body, headers, method="verification+totp"):
    path = f"{PATH}/{body['id']}/signer/proposals"
    return await desk.post(path, json={"method": method}, headers=headers)


async def say_yes(desk, body, headers, code=CODE, **options):
    path = f"{PATH}/{body['id']}/signer/authorisations"
    wanted = {"approve": True, "code": code}
    return await desk.post(path, json=wanted, headers=headers, **options)


async def view(desk, body):
    return (await desk.get(f"{PATH}/{body['id']}")).json()
