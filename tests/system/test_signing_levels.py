"""Programs that nobody here wrote judge every level: pdfsig, qpdf, openssl, PDFBox with BouncyCastle.

The keys are in SoftHSM where it is there, else in software: who holds a key must not show in what it signs.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, parser
from signing_pilot import CITIZEN, EC, RSA, Pilot, make_pdf
from softhsm import PIN, TOKEN, install_python_pkcs11, make_token

from ekyc.ports import SystemClock
from ekyc.signing import Appearance, Level, ReservedField, sign_pdf
from ekyc.signing.keys.pkcs11 import TokenKeys

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

JARS = Path("/usr/share/java")
CLASSES = ("pdfbox2", "fontbox2", "commons-logging", "bcprov", "bcpkix", "bcutil", "bcmail")
SHOWN = Appearance(
    box_pt=(56, 50, 300, 140),
    signer_name="Nguyễn Thị Mẫu",
    record_id="HS-2026-0001",
    evidence_digest=hashlib.sha256(b"x").hexdigest(),
)
FILES = ("ec", "rsa", "one-shot", "sealed")


@pytest.fixture(scope="module")
def token(tmp_path_factory):
    install_python_pkcs11(tmp_path_factory.mktemp("python-pkcs11"))
    with pytest.MonkeyPatch.context() as patch:
        module = make_token(tmp_path_factory.mktemp("softhsm"), patch)
        with TokenKeys(module, TOKEN, PIN) as keys:
            yield keys


@pytest.fixture(scope="module")
def folder(tmp_path_factory, token):
    """B-LTA files: EC and RSA keys in the token, a one-shot key, an officer with an agency's seal."""
    place = tmp_path_factory.mktemp("levels")
    pilot = Pilot(place, clock=SystemClock())
    ec = pilot.party("citizen", "Nguyễn Thị Mẫu", key=token.generate("ec", EC))
    rsa = pilot.party("seal", "Sở Tư pháp", key=token.generate("rsa", RSA))
    page = make_pdf()
    made = {
        "ec.pdf": sign_pdf(page, ec, level=Level.B_LTA, appearance=SHOWN),
        "rsa.pdf": sign_pdf(page, rsa, level=Level.B_LTA),
    }
    with pilot.ca.one_shot(token, subject=CITIZEN, credential="c") as identity:
        made["one-shot.pdf"] = sign_pdf(page, pilot.as_party(identity), level=Level.B_LTA)
    reserved = ReservedField(name="AgencySeal", box_pt=(330, 60, 530, 140))
    certified = sign_pdf(page, ec, certify=True, reserve=reserved)
    made["sealed.pdf"] = sign_pdf(
        certified, rsa, field_name="AgencySeal", appearance=SHOWN, level=Level.B_LTA
    )
    changed = bytearray(made["ec.pdf"])
    changed[made["ec.pdf"].index(b"stream") + 20] ^= 1
    made["changed.pdf"] = bytes(changed)
    for name, content in made.items():
        (place / name).write_bytes(content)
        _take_apart(place / name)
    pilot.close()
    return place


def _take_apart(file):
    """The parts of each signature of a PDF, as openssl wants them: NAME.1.cms, NAME.1.covered …"""
    pdf = file.read_bytes()
    for number, match in enumerate(
        re.finditer(rb"/ByteRange \[0 (\d+) (\d+) (\d+)\s*\]", pdf), start=1
    ):
        before, after, length = map(int, match.groups())
        hole = bytes.fromhex(pdf[before + 1 : after - 1].decode())
        der = hole[: parser.peek(hole)]
        parts = {"cms": der, "covered": pdf[:before] + pdf[after : after + length]}
        (signer,) = cms.ContentInfo.load(der)["content"]["signer_infos"]
        for attribute in signer["unsigned_attrs"]:
            parts["token"] = attribute["values"][0].dump()
            parts["value"] = signer["signature"].native
        for kind, content in parts.items():
            file.with_suffix(f".{number}.{kind}").write_bytes(content)


YEARS = int((datetime.now(UTC) + timedelta(days=4 * 365 + 1)).timestamp())
TRUST = ("-CAfile", "root.pem", "-untrusted", "issuing.pem")
CMS = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-out", "/dev/null")
CMS += ("-CAfile", "root.pem", "-purpose", "any")
TOKEN_OF = ("-token_in", *TRUST[:2], "-untrusted", "timestamp.pem")


@pytest.mark.parametrize("name", FILES)
class TestEachFile:
    def test_qpdf_finds_no_fault(self, ask, name):
        status, said = ask("qpdf", "--check", f"{name}.pdf")
        assert status == 0, said

    def test_pdfsig_calls_the_signatures_valid(self, ask, name):
        _, said = ask("pdfsig", f"{name}.pdf")
        count = 2 if name == "sealed" else 1
        assert said.count("Signature is Valid") >= count, said

    def test_pdfbox_and_bouncycastle_agree(self, ask, name):
        missing = [jar for jar in CLASSES if not (JARS / f"{jar}.jar").exists()]
        if missing:
            pytest.skip(f"jars are not installed (run scripts/install-judges): {missing}")
        path = ":".join(str(JARS / f"{jar}.jar") for jar in CLASSES)
        judge = Path(__file__).with_name("PdfBoxJudge.java")
        status, said = ask("java", "-cp", path, judge, "root.pem", f"{name}.pdf")
        assert status == 0, said
        verdicts = [line.split() for line in said.splitlines() if line.startswith("ETSI.")]
        assert [verdict[1:] for verdict in verdicts] == [["value=true", "path=true"]] * len(
            verdicts
        )
        kinds = [verdict[0] for verdict in verdicts]
        signatures = 2 if name == "sealed" else 1
        assert sorted(kinds) == ["ETSI.CAdES.detached"] * signatures + ["ETSI.RFC3161"]

    def test_openssl_verifies_signature_and_chain(self, ask, name):
        status, said = ask("openssl", *CMS, "-in", f"{name}.1.cms", "-content", f"{name}.1.covered")
        assert status == 0, said

    def test_openssl_verifies_the_signatures_timestamp(self, ask, name):
        status, said = ask(
            "openssl",
            "ts",
            "-verify",
            "-in",
            f"{name}.1.token",
            "-data",
            f"{name}.1.value",
            *TOKEN_OF,
        )
        assert status == 0, said

    def test_four_years_later_openssl_believes_the_document_timestamp(self, ask, name):
        number = 3 if name == "sealed" else 2
        about = ("-in", f"{name}.{number}.cms", "-data", f"{name}.{number}.covered")
        status, said = ask("openssl", "ts", "-verify", *about, *TOKEN_OF, "-attime", YEARS)
        assert status == 0, said

    def test_four_years_later_openssl_does_not_believe_the_signature_alone(self, ask, name):
        about = ("-in", f"{name}.1.cms", "-content", f"{name}.1.covered")
        status, said = ask("openssl", *CMS, *about, "-attime", YEARS)
        assert status != 0
        assert "expired" in said


def test_one_changed_byte_is_noticed(ask):
    status, _ = ask("openssl", *CMS, "-in", "changed.1.cms", "-content", "changed.1.covered")
    assert status != 0
    _, said = ask("pdfsig", "changed.pdf")
    assert "Signature is Valid" not in said.split("Signature #2")[0]
