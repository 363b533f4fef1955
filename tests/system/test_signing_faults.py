"""Large files through the command line, with memory and time measured; a token that loses its session in the middle."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signing_pilot import EC, Pilot, make_pdf
from softhsm import PIN, TOKEN, install_python_pkcs11, make_token

from ekyc.errors import UpstreamError
from ekyc.ports import SystemClock
from ekyc.signing import DerivationCost, EmbeddedAuthority, inspect_pdf, sign_pdf
from ekyc.signing.activation.batch import BatchDocument, complete_batch, prepare_batch
from ekyc.signing.keys.pkcs11 import TokenKeys

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

GIB = 1 << 30
PASSPHRASE = "mật khẩu"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    cost = DerivationCost(iterations=1, lanes=1, memory_kib=8)
    EmbeddedAuthority.create(folder / "authority", PASSPHRASE, cost=cost)
    with (folder / "large.pdf").open("wb") as stream:
        stream.write(b"%PDF-1.7\n")
        stream.truncate(GIB)  # sparse: it takes no room
    return folder


MEASURING = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""In a process of its own: the figure is that of the largest child so far, and the tests before had larger ones."""


def measured(place, *words):
    """Run the command; its object, exit code, peak memory in MiB and seconds."""
    before = time.monotonic()
    ekyc = str(Path(sys.executable).with_name("ekyc"))
    done = subprocess.run(
        [sys.executable, "-c", MEASURING, ekyc, *words, "--json"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "EKYC_KEY_PASSPHRASE": PASSPHRASE},
    )
    peak_mib = int(done.stderr) / 1024
    return json.loads(done.stdout), done.returncode, peak_mib, time.monotonic() - before


class TestOneGibibyte:
    def test_as_a_pdf_it_is_refused_without_being_read(self, place):
        written, code, peak_mib, seconds = measured(
            place, "sign", "files", "large.pdf", "--authority", "authority"
        )
        assert (code, written["reasons"]) == (1, ["input.limit"])
        assert peak_mib < 400
        assert seconds < 120
        assert not (place / "large.signed.pdf").exists()

    def test_the_same_for_validation(self, place):
        written, code, peak_mib, _ = measured(place, "validate", "large.pdf")
        assert (code, written["reasons"]) == (1, ["input.limit"])
        assert peak_mib < 400

    def test_detached_it_is_signed_and_validated_in_little_memory(self, place):
        words = ("sign", "files", "large.pdf", "--detached", "--authority", "authority")
        written, code, peak_mib, _ = measured(place, *words)
        assert code == 0, written
        assert peak_mib < 400
        trust = ("--content", "large.pdf", "--trust", "authority/root.pem")
        written, code, peak_mib, _ = measured(place, "validate", "large.pdf.p7s", *trust)
        assert (code, written["outcome"]) == (0, "PASSED")
        assert peak_mib < 400


@pytest.fixture
def token(tmp_path_factory, monkeypatch):
    install_python_pkcs11(tmp_path_factory.mktemp("python-pkcs11"))
    module = make_token(tmp_path_factory.mktemp("softhsm"), monkeypatch)
    with TokenKeys(module, TOKEN, PIN) as keys:
        yield keys


class TestSessionLost:
    @pytest.fixture
    def pilot(self, tmp_path):
        made = Pilot(tmp_path, clock=SystemClock())
        yield made
        made.close()

    def test_nothing_half_signed_leaves_and_the_next_document_is_signed(self, pilot, token):
        party = pilot.party("officer", "Nguyễn Văn Cán Bộ", key=token.generate("officer", EC))
        assert sign_pdf(make_pdf(), party)
        for lane in token._lanes:
            lane.session.close()
        with pytest.raises(UpstreamError) as caught:
            sign_pdf(make_pdf(), party)
        assert (caught.value.code, caught.value.retryable) == ("signing.hsm.failed", True)
        signed = sign_pdf(make_pdf(), party)
        assert inspect_pdf(signed, anchors=pilot.anchors).outcome == "PASSED"

    def test_a_batch_cut_in_the_middle_leaves_none(self, pilot, token):
        party = pilot.party("officer", "Nguyễn Văn Cán Bộ", key=token.generate("another", EC))
        documents = [BatchDocument(pdf=make_pdf(f"Văn bản {n}")) for n in range(5)]
        prepared = prepare_batch(documents, party.signer, party)
        made = []

        def sign_all():
            for digest in prepared.to_be_signed:
                if len(made) == 2:
                    for lane in token._lanes:
                        lane.session.close()
                made.append(party.signer.key.sign_digest(digest))

        with pytest.raises(UpstreamError):
            sign_all()
        assert len(made) == 2
        values = [party.signer.key.sign_digest(digest) for digest in prepared.to_be_signed]
        signed = complete_batch(prepared, values, party)
        assert all(inspect_pdf(pdf, anchors=pilot.anchors).outcome == "PASSED" for pdf in signed)
