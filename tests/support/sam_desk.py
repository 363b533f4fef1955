"""A signing process over one pilot: its keys, records and policy; as a thread here, or as a process of its own."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from threading import Thread

import pytest
from signing_pilot import CHEAP, EC, Pilot

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.ports import SystemRandom
from ekyc.signing.activation.module import ActivationModule
from ekyc.signing.activation.sad import ActivationMethod, Evidence, ShownDocument
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.authority.ca import SubjectName
from ekyc.signing.authority.certificates import CertificateProfile
from ekyc.signing.keys.port import KeyProtection
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey
from ekyc.signing.sam import (
    SamClient,
    SamCredentials,
    SamServer,
    SignatureActivationModule,
    StoredDirectory,
    open_credential,
)
from ekyc.storage import ServiceKey

ME, SOMEBODY_ELSE = (hashlib.sha256(name).hexdigest() for name in (b"me", b"else"))
SESSION, ANOTHER = (hashlib.sha256(name).hexdigest() for name in (b"s1", b"s2"))
REPORT, CASE = (hashlib.sha256(name).hexdigest() for name in (b"report", b"case"))
SERVICE_KEY = ServiceKey(bytes(range(32)))
PASSPHRASE = "khoá của người dân"
A, B, C = (hashlib.sha256(name).digest() for name in (b"a", b"b", b"c"))


@contextlib.contextmanager
def short_folder():
    """A folder whose sockets have short names: pytest's own are too long for some."""
    with tempfile.TemporaryDirectory(prefix="sam") as folder:
        yield Path(folder)


class SamDesk:
    """Both sides; the signing side without its socket."""

    def __init__(self, folder, *, clock=None, algorithm=EC):
        self.folder = folder
        self.pilot = Pilot(folder, clock=clock)
        self.clock, self.storage = self.pilot.clock, self.pilot.storage
        self.keys = EmbeddedKeys.create(folder / "people", PASSPHRASE, cost=CHEAP)
        self.records = self.storage.credentials(SERVICE_KEY)
        self.mine = self.open_credential(ME, "Nguyễn Thị Mẫu", algorithm)
        self.others = self.open_credential(SOMEBODY_ELSE, "Trần Văn Khác", EC)
        self.issuer_key = SoftwareKey.generate(EC)
        self.issuer = SadIssuer(
            "portal", key=self.issuer_key, clock=self.clock, random=SystemRandom()
        )
        self.directory = StoredDirectory(self.records)

    def open_credential(self, holder, name, algorithm=EC, **options):
        return open_credential(
            self.records,
            self.keys,
            self.pilot.ca,
            issuers_der=self.pilot.ca.chain_der,
            holder=holder,
            subject=SubjectName(common_name=name),
            profile=CertificateProfile.CITIZEN,
            random=SystemRandom(),
            algorithm=algorithm,
            **options,
        )

    def module(self, *, factors=None, methods=frozenset(ActivationMethod), activations=None):
        credentials = SamCredentials(self.records, self.keys, methods=methods)
        activation = ActivationModule(
            public_key_of={"portal": self.issuer_key.public_key_der}.get,
            credential_of=credentials.find,
            certificate_of=credentials.certificate,
            activations=activations or self.storage.activations,
            results=self.storage.results,
            persons=self.storage.persons,
            material=self.pilot.ca.material,
            clock=self.clock,
            factors=factors,
        )
        return SignatureActivationModule(
            activation=activation, credentials=credentials, protection=KeyProtection.SOFTWARE
        )

    def verified(self, *, holder=ME, session=SESSION, verdict=Verdict.ACCEPT):
        """Evidence of a decision that is on record, with its person."""
        stored = self.storage.results.record(
            case_digest=CASE, profile="demo", verdict=verdict, reasons=(), report_digest=REPORT
        )
        self.storage.persons.bind(stored.id, holder=holder, session=session)
        return Evidence(
            result_id=stored.id,
            report_digest=REPORT,
            verdict=verdict,
            holder=holder,
            session=session,
            at=self.clock.now(),
        )

    def authorise(self, *hashes, evidence=None, credential=None, session=SESSION, **options):
        return self.issuer.issue(
            self.directory.find(credential or self.mine),
            [document(digest) for digest in hashes],
            evidence=evidence or self.verified(),
            session=session,
            **options,
        )

    @contextlib.contextmanager
    def serving(self, module=None, **options):
        """A signing process as a thread; gives a client."""
        with short_folder() as folder:
            path = folder / "sam.sock"
            server = SamServer(
                (module or self.module()).answer, path, users=frozenset({os.getuid()}), **options
            )
            thread = Thread(target=server.serve)
            thread.start()
            try:
                with SamClient(path) as client:
                    yield client
            finally:
                server.stop()
                thread.join()

    def sign(self, client, sad, *hashes, credential=None, algorithm=EC):
        return client.sign(
            sad, credential_id=credential or self.mine, hashes=hashes, algorithm=algorithm
        )

    def close(self):
        self.pilot.close()


def document(digest, title="Trích lục khai sinh"):
    return ShownDocument(title=title, shown_digest=digest.hex(), to_be_signed=digest)


def code_of(call, *arguments, **named):
    with pytest.raises(EkycError) as caught:
        call(*arguments, **named)
    return caught.value.code
