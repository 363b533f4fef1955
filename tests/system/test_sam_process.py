"""The signing process as an operator runs it: from the commands, stopped, killed, started again."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from signing_pilot import make_pdf

from ekyc.errors import EkycError
from ekyc.policy import Verdict
from ekyc.ports import SystemClock, SystemRandom
from ekyc.signing import Level, Party, inspect_pdf, sign_pdf
from ekyc.signing.activation.evidence import StoredEvidence
from ekyc.signing.activation.remote import Caller
from ekyc.signing.activation.sad import ShownDocument
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.authority.ceremony import open_authorities, open_issuing_keys
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.sam import SamClient, StoredDirectory
from ekyc.storage import ServiceKey, Storage

pytestmark = pytest.mark.system

SECRETS = {
    "EKYC_KEY_PASSPHRASE": "khoá",
    "EKYC_ROOT_PASSPHRASE": "gốc",
    "EKYC_ISSUER_PASSPHRASE": "cổng",
    "EKYC_AUTHORITY_PASSPHRASE": "khoá",
}
ME = Caller(
    holder=hashlib.sha256(b"me").hexdigest(), session=hashlib.sha256(b"session").hexdigest()
)
REPORT = "1" * 64


class Portal:
    """What a portal has: its own key, the database, the socket. No key of anybody."""

    def __init__(self, place):
        self.place = place
        self.storage = Storage.open(place / "state.sqlite3")
        service_key = ServiceKey.load(place / "service.key", SystemRandom())
        self.directory = StoredDirectory(self.storage.credentials(service_key))
        (self.credential,) = self.directory.of_holder(ME.holder)
        store = EmbeddedKeys.unlock(place / "portal", SECRETS["EKYC_ISSUER_PASSPHRASE"])
        self.issuer = SadIssuer(
            "portal", key=store.open("portal"), clock=SystemClock(), random=SystemRandom()
        )
        keys = open_issuing_keys(place / "authority", SECRETS["EKYC_KEY_PASSPHRASE"])
        self.authorities = open_authorities(
            place / "authority", keys=keys, register=self.storage.certificates
        )

    def authorise(self, digest):
        """The person was verified, just now."""
        stored = self.storage.results.record(
            case_digest="0" * 64,
            profile="identity",
            verdict=Verdict.ACCEPT,
            reasons=(),
            report_digest=REPORT,
        )
        self.storage.persons.bind(stored.id, holder=ME.holder, session=ME.session)
        shown = ShownDocument(title="Tờ khai", shown_digest=digest.hex(), to_be_signed=digest)
        evidence = StoredEvidence(self.storage.persons).latest(ME)
        return self.issuer.issue(self.credential, [shown], evidence=evidence, session=ME.session)

    def sign(self, client):
        identity = client.identity(self.credential.id, authorise=self.authorise)
        party = Party(
            signer=identity,
            ask_for_time=self.authorities.timestamp_authority.answer,
            vouch=self.authorities.ca.material,
        )
        signed = sign_pdf(make_pdf(), party, level=Level.B_LTA)
        report = inspect_pdf(signed, anchors=(self.authorities.root_der,))
        return report.outcome


def ekyc(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "ekyc.cli", *map(str, arguments)],
        env={**os.environ, **SECRETS},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory(prefix="sam") as folder:
        made = Path(folder)
        ekyc("authority", "ceremony", made / "authority", "--json")
        ekyc("sam", "new", made, "--json")
        configuration = made / "sam.toml"
        text = configuration.read_text().replace(
            '"verification+totp"]', '"verification"]\npilot = true'
        )
        configuration.write_text(text)
        said = ekyc(
            *("sam", "credential", configuration, "--authority", made / "authority"),
            *("--holder", ME.holder, "--name", "Nguyễn Thị Mẫu", "--json"),
        )
        assert json.loads(said)["credential"].startswith("citizen-")
        yield made


@contextlib.contextmanager
def serving(place):
    process = subprocess.Popen(
        [sys.executable, "-m", "ekyc.cli", "sam", "serve", str(place / "sam.toml")],
        env={**os.environ, **SECRETS},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "serving on" in process.stderr.readline()
        yield process
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


def test_signs_stops_and_is_started_again(place):
    portal = Portal(place)
    with SamClient(place / "sam.sock") as client:
        for how, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -9), (signal.SIGINT, 0)):
            with serving(place) as process:
                assert "it answers" in ekyc("sam", "ping", place / "sam.sock")
                assert portal.sign(client) == "PASSED"
                process.send_signal(how)
                assert process.wait(30) == code
            with pytest.raises(EkycError) as caught:
                client.ping()
            assert caught.value.code == "signing.sam.unreachable"
    assert not (place / "sam.sock").exists()
    portal.storage.close()


@pytest.mark.parametrize("said", [b"", b"\0\0", b"\0\0\0\x64{"])
def test_ends_while_clients_hold_on(place, said):
    with serving(place) as process, contextlib.ExitStack() as held:
        for _ in range(10):
            connection = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            connection.connect(str(place / "sam.sock"))
            connection.sendall(said)
        process.terminate()
        assert process.wait(30) == 0


def test_ends_though_nobody_reads_its_log(place):
    """The pipe of its log is full, and everything that writes to it waits."""
    with serving(place) as process, SamClient(place / "sam.sock", answer_s=1) as client:
        while refusal(client) != "signing.sam.lost":
            pass
        process.terminate()
        assert process.wait(30) in {0, -signal.SIGALRM}


def refusal(client):
    with pytest.raises(EkycError) as caught:
        client.describe("nobody")
    return caught.value.code


def test_says_nothing_of_people_or_secrets(place):
    portal = Portal(place)
    with serving(place) as process, SamClient(place / "sam.sock") as client:
        portal.sign(client)
        sad = portal.authorise(bytes(32))
        with pytest.raises(EkycError):
            client.sign(
                sad,
                credential_id="other",
                hashes=(bytes(32),),
                algorithm=portal.credential.algorithm,
            )
        process.terminate()
        said = process.stderr.read()
    assert "signed: citizen-" in said
    assert "refused: activation.other_credential" in said
    for secret in (sad, "Tờ khai", "Mẫu", ME.holder, *SECRETS.values()):
        assert secret not in said
    portal.storage.close()
