"""Programs that nobody here wrote judge CAdES, XAdES and JWS: openssl, xmlsec1, Java's XML signatures."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, pem
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from signing_pilot import CITIZEN, EC, RSA, Pilot, make_pdf

from ekyc import base64url
from ekyc.ports import SystemClock
from ekyc.signing import Level, sign_pdf
from ekyc.signing.authority.ceremony import open_authorities, renew_root_crl
from ekyc.signing.formats.cades import sign_cades
from ekyc.signing.formats.jades import sign_json
from ekyc.signing.formats.xades import DS, XADES, sign_xml
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.storage import Storage
from ekyc.testing import FixedClock

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

CONTENT = "Nội dung của một tệp bất kỳ".encode()
DOCUMENTS = {
    "plain": b"<a><b/></a>",
    "vietnamese": (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- lời --><hs:hồSơ xmlns:hs="urn:hs" xmlns="urn:khac" mã="1">'
        '<tên xml:lang="vi">Nguyễn Thị Mẫu</tên>\n <b xmlns="" c="&#10;"/>&#13;</hs:hồSơ>'
    ).encode(),
    "named": b'<a Id="q" xmlns:ds="urn:other"><ds:c>text</ds:c></a>',
}
LEVELS = (Level.B_B, Level.B_T, Level.B_LT)
NAMES = {EC: "ec", RSA: "rsa"}
ALL = [(algorithm, level) for algorithm in NAMES for level in LEVELS]
LATER = timedelta(days=4 * 365 + 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("formats")
    pilot = Pilot(place, clock=SystemClock())
    (place / "content").write_bytes(CONTENT)
    (place / "other").write_bytes(CONTENT + b" ")
    for algorithm, level in ALL:
        party = pilot.party("citizen", "Nguyễn Thị Mẫu", algorithm=algorithm)
        name = f"{NAMES[algorithm]}-{level}"
        der = sign_cades(hashlib.sha256(CONTENT).digest(), party, level=level)
        (place / f"{name}.p7s").write_bytes(der)
        _write_token(place / name, der)
        for kind, document in DOCUMENTS.items():
            signed = sign_xml(document, party, level=level)
            (place / f"{name}-{kind}.xml").write_bytes(signed)
            changed = signed.replace(b"<ds:Signature ", b"<more/><ds:Signature ", 1)
            (place / f"{name}-{kind}-changed.xml").write_bytes(changed)
        _write_jws(place / name, sign_json(b'{"a": 1}', party, level=level), party)
    with pilot.ca.one_shot(pilot.keys, subject=CITIZEN, credential="c") as identity:
        for level in (Level.B_B, Level.B_LTA):
            signed = sign_pdf(make_pdf(), pilot.as_party(identity), level=level)
            (place / f"one-shot-{level}.pdf").write_bytes(signed)
    pilot.close()
    return place


def _write_token(stem, der):
    (signer,) = cms.ContentInfo.load(der)["content"]["signer_infos"]
    for attribute in signer["unsigned_attrs"]:
        stem.with_name(f"{stem.name}.token").write_bytes(attribute["values"][0].dump())
        stem.with_name(f"{stem.name}.value").write_bytes(signer["signature"].native)


def _write_jws(stem, data, party):
    """What openssl wants to verify a JWS with: signed text, value, certificate; and the timestamp with what it is over."""
    members = json.loads(data)
    raw = base64url.decode(members["signature"])
    if party.signer.key.algorithm is EC:
        raw = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    certificate = base64.b64decode(json.loads(base64url.decode(members["protected"]))["x5c"][0])
    parts = {
        "text": f"{members['protected']}.{members['payload']}".encode(),
        "raw": raw,
        "cert": pem.armor("CERTIFICATE", certificate),
    }
    for entry in members.get("header", {}).get("etsiU", []):
        for token in entry.get("sigTst", {}).get("tstTokens", []):
            parts |= {
                "jwstoken": base64.b64decode(token["val"]),
                "jwsvalue": members["signature"].encode(),
            }
    for kind, content in parts.items():
        stem.with_name(f"{stem.name}.{kind}").write_bytes(content)


@pytest.fixture(scope="module")
def java(folder):
    """What Java's XML signatures say of each document, asked once for all."""
    if shutil.which("java") is None:
        pytest.skip("java is not installed (run scripts/install-judges)")
    files = sorted(file.name for file in folder.glob("*.xml"))
    judge = Path(__file__).with_name("XmlJudge.java")
    done = subprocess.run(
        ["java", judge, *files], cwd=folder, capture_output=True, text=True, check=True, timeout=300
    )
    return dict(zip(files, done.stdout.splitlines(), strict=True))


VERIFY = ("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-out", "/dev/null")
VERIFY += ("-CAfile", "root.pem", "-purpose", "any")
TOKEN_OF = ("-token_in", "-CAfile", "root.pem", "-untrusted", "timestamp.pem")
XMLSEC = ("--verify", "--id-attr:Id", "KeyInfo", "--id-attr:Id", "SignedProperties")
XMLSEC += ("--id-attr:Id", "a", "--trusted-pem", "root.pem", "--untrusted-pem", "issuing.pem")


@pytest.mark.parametrize(("algorithm", "level"), ALL)
class TestOpenssl:
    def test_verifies_cades_to_the_root(self, ask, algorithm, level):
        name = f"{NAMES[algorithm]}-{level}"
        status, said = ask("openssl", *VERIFY, "-in", f"{name}.p7s", "-content", "content")
        assert status == 0, said
        assert "CAdES Verification successful" in said

    def test_refuses_it_over_another_content(self, ask, algorithm, level):
        name = f"{NAMES[algorithm]}-{level}"
        status, _ = ask("openssl", *VERIFY, "-in", f"{name}.p7s", "-content", "other")
        assert status != 0

    def test_verifies_the_jws(self, ask, algorithm, level):
        name = f"{NAMES[algorithm]}-{level}"
        ask("openssl", "x509", "-in", f"{name}.cert", "-pubkey", "-noout", "-out", f"{name}.pub")
        salt = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
        options = salt if algorithm is RSA else ()
        given = ("-verify", f"{name}.pub", "-signature", f"{name}.raw")
        status, said = ask("openssl", "dgst", "-sha256", *options, *given, f"{name}.text")
        assert status == 0, said

    @pytest.mark.parametrize(("token", "value"), [("token", "value"), ("jwstoken", "jwsvalue")])
    def test_verifies_the_timestamps(self, ask, folder, algorithm, level, token, value):
        name = f"{NAMES[algorithm]}-{level}"
        if level is Level.B_B:
            assert not (folder / f"{name}.{token}").exists()
            return
        about = ("-in", f"{name}.{token}", "-data", f"{name}.{value}")
        status, said = ask("openssl", "ts", "-verify", *about, *TOKEN_OF)
        assert status == 0, said


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("level", LEVELS)
class TestXml:
    def test_xmlsec1_verifies_xades_to_the_root(self, ask, level, kind):
        """With EC alone: xmlsec1 1.2 knows no RSASSA-PSS."""
        status, said = ask("xmlsec1", *XMLSEC, f"ec-{level}-{kind}.xml")
        assert status == 0, said
        assert "SignedInfo References (ok/all): 3/3" in said

    @pytest.mark.parametrize("algorithm", NAMES)
    def test_java_verifies_xades(self, java, level, kind, algorithm):
        said = java[f"{NAMES[algorithm]}-{level}-{kind}.xml"]
        assert said == "value=true references=3/3 all=true"

    def test_both_refuse_a_changed_document(self, ask, java, level, kind):
        status, _ = ask("xmlsec1", *XMLSEC, f"ec-{level}-{kind}-changed.xml")
        assert status != 0
        assert java[f"ec-{level}-{kind}-changed.xml"].endswith("all=false")

    def test_openssl_verifies_the_timestamp(self, ask, folder, level, kind):
        if level is Level.B_B:
            pytest.skip("B-B has none")
        root = etree.fromstring((folder / f"ec-{level}-{kind}.xml").read_bytes())
        value = root.find(f"{{{DS}}}Signature/{{{DS}}}SignatureValue")
        token = root.findtext(f".//{{{XADES}}}EncapsulatedTimeStamp")
        (folder / "xml.token").write_bytes(base64.b64decode(token))
        (folder / "xml.value").write_bytes(etree.tostring(value, method="c14n"))
        about = ("-in", "xml.token", "-data", "xml.value")
        status, said = ask("openssl", "ts", "-verify", *about, *TOKEN_OF)
        assert status == 0, said


@pytest.fixture(scope="module")
def later_lists(folder):
    """Names of the lists that the authorities of the folder issue four years on."""
    clock = FixedClock(datetime.now(UTC) + LATER)
    renew_root_crl(folder, root_passphrase="a", clock=clock)
    keys = EmbeddedKeys.unlock(folder / "issuing", "b")
    with Storage.open(folder / "state.sqlite3", clock=clock) as storage:
        authorities = open_authorities(
            folder, keys=keys, register=storage.certificates, clock=clock
        )
        lists = authorities.ca.material().crls
    names = [f"later-{number}.crl" for number in range(len(lists))]
    for name, der in zip(names, lists, strict=True):
        (folder / name).write_bytes(der)
    return names


@pytest.mark.parametrize(("level", "code"), [(Level.B_LTA, 0), (Level.B_B, 10)])
def test_four_years_later_b_lta_is_valid_and_b_b_is_not(ask, later_lists, level, code):
    """The clock of the whole process is shifted; the lists are of that time."""
    ekyc = Path(sys.executable).with_name("ekyc")
    trust = [word for name in ("root.pem", *later_lists) for word in ("--trust", name)]
    what = (f"one-shot-{level}.pdf", *trust, "--json")
    status, said = ask("faketime", "-f", f"+{LATER.days}d", ekyc, "validate", *what)
    assert status == code, said
    (signature,) = json.loads(said[said.index("{") :])["signatures"]
    assert signature["integrity"] == "INTACT"
    assert (signature["indication"] == "TOTAL-PASSED") == (code == 0)
