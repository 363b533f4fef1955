"""Both sides of an activation over one pilot, for the attack table."""

import hashlib

import pytest
from signing_pilot import EC, Pilot

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.signing.activation.module import ActivationModule, Credential
from ekyc.signing.activation.sad import Evidence, ShownDocument
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import SoftwareKey

ME, SOMEBODY_ELSE = (hashlib.sha256(name).hexdigest() for name in (b"me", b"else"))
SESSION, ANOTHER = (hashlib.sha256(name).hexdigest() for name in (b"s1", b"s2"))
REPORT = hashlib.sha256(b"report").hexdigest()
CASE = hashlib.sha256(b"case").hexdigest()
RSA = SignatureAlgorithm.RSA_PSS_3072


class Desk:
    """Both sides of an activation, over one pilot."""

    def __init__(self, folder):
        self.pilot = Pilot(folder)
        self.clock, self.storage = self.pilot.clock, self.pilot.storage
        self.identity = self.pilot.party("citizen", "Nguyễn Thị Mẫu").signer
        self.credential = Credential(id="c-1", holder=ME, identity=self.identity)
        self.others = Credential(id="c-2", holder=SOMEBODY_ELSE, identity=self.identity)
        self.issuer_key = SoftwareKey.generate(EC)
        self.issuer = SadIssuer(
            "portal", key=self.issuer_key, clock=self.clock, random=SystemRandom()
        )
        self.module = self.open_module()

    def open_module(self, credential=None):
        known = {c.id: c for c in (credential or self.credential, self.others)}
        trusted = {"portal": self.issuer_key.public_key_der}
        return ActivationModule(
            public_key_of=trusted.get,
            credential_of=known.get,
            activations=self.storage.activations,
            results=self.storage.results,
            material=self.pilot.ca.material,
            clock=self.clock,
        )

    def verified(self, verdict=Verdict.ACCEPT, **changed):
        """Evidence of a decision that is on record."""
        stored = self.storage.results.record(
            case_digest=CASE,
            profile="demo",
            verdict=verdict,
            reasons=(),
            report_digest=REPORT,
        )
        fields = {
            "result_id": stored.id,
            "report_digest": REPORT,
            "verdict": verdict,
            "holder": ME,
            "session": SESSION,
            "at": self.clock.now(),
            **changed,
        }
        return Evidence(**fields)

    def authorise(self, *hashes, evidence=None, credential=None, session=SESSION, **options):
        shown = [document(digest) for digest in hashes]
        return self.issuer.issue(
            credential or self.credential,
            shown,
            evidence=evidence or self.verified(),
            session=session,
            **options,
        )

    def sign(self, sad, *hashes, credential="c-1", algorithm=EC, module=None):
        return (module or self.module).sign(
            sad, credential_id=credential, hashes=hashes, algorithm=algorithm
        )

    def refusal(self, sad, *hashes, **options):
        with pytest.raises(EkycError) as caught:
            self.sign(sad, *hashes, **options)
        return caught.value.code

    def not_authorised(self, *hashes, **options):
        with pytest.raises(EkycError) as caught:
            self.authorise(*hashes, **options)
        return caught.value.code


def document(digest, title="Trích lục khai sinh"):
    return ShownDocument(
        title=title, shown_digest=hashlib.sha256(digest).hexdigest(), to_be_signed=digest
    )


A, B, C = (hashlib.sha256(name).digest() for name in (b"a", b"b", b"c"))
