"""The same results before a verifier that was written from the document alone: cbor2 and the openssl program."""

from __future__ import annotations

import hashlib
import shutil

import pytest
from credential_desk import (
    COPY,
    DAY,
    ISSUER,
    NOW,
    SAMPLES,
    Registry,
    ec_signer,
    result,
    trusted,
)
from credential_judge import judge
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ekyc.outcomes import Outcome
from ekyc.signing.credentials import (
    Ed25519Signer,
    StatusReference,
    base45,
    encode_result,
    packing,
    schema_of,
)

pytestmark = pytest.mark.system
WORD = {
    Outcome.PASSED: "accept",
    Outcome.FAILED: "refuse",
    Outcome.INDETERMINATE: "undecided",
    Outcome.NOT_PERFORMED: "undecided",
}


@pytest.fixture(scope="module", autouse=True)
def program():
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")


@pytest.fixture(scope="module")
def words(repository_root):
    data = (repository_root / "signing/credentials/data/dictionary-1.txt").read_bytes()
    return data.replace(b"\n", b"")


@pytest.fixture(scope="module", params=["ES256", "Ed25519"])
def registry(request):
    return Registry(signer=Ed25519Signer.generate() if request.param == "Ed25519" else ec_signer())


def test_both_say_the_same(registry, words):
    fresh = registry.statuses()
    text = registry.qr()
    message = packing.unpack(base45.decode(text[6:]), most=8192)
    altered = "EKYC1:" + base45.encode(packing.pack(message.replace(b"127/2019", b"128/2019")))
    lost = (trusted(registry.signer, compromised_at=NOW), *registry.keys()[1:])
    late = (trusted(registry.signer, ends=NOW - 10 * DAY), *registry.keys()[1:])
    elsewhere = StatusReference(uri=f"{ISSUER}/tt/2", index=1)
    cases = [
        *(
            (registry.qr(schema=schema_of(kind), values=held), [fresh], {})
            for kind, held in SAMPLES.items()
        ),
        *((text, [registry.statuses(status)], {}) for status in (1, 2, 3)),
        (text, [registry.statuses(0, bits=1)], {}),
        (text, [], {}),
        (text, [registry.statuses(issued_at=NOW - 2 * DAY)], {}),
        (text, [registry.statuses(1, issued_at=NOW - 2 * DAY)], {}),
        (text, [registry.statuses(signer=registry.neighbour)], {}),
        (text, [registry.statuses(issued_at=NOW + DAY)], {}),
        (text, [registry.statuses(size=1000)], {}),
        (text, [registry.statuses(issued_at=NOW - DAY / 2), registry.statuses(2)], {}),
        (altered, [fresh], {}),
        (text[:-1], [fresh], {}),
        (text[:90] + ("0" if text[90] != "0" else "1") + text[91:], [fresh], {}),
        (registry.qr(signer=registry.neighbour), [fresh], {}),
        (registry.qr(signer=registry.status_signer), [fresh], {}),
        (registry.qr(signer=ec_signer()), [fresh], {}),
        (registry.qr(issuer="https://ketqua.la.gov.vn"), [fresh], {}),
        (registry.qr(expires_at=NOW), [fresh], {}),
        (registry.qr(issued_at=NOW + DAY), [fresh], {}),
        (registry.qr(status=elsewhere), [fresh], {}),
        (text, [fresh], {"keys": lost}),
        (text, [fresh], {"keys": late}),
        (text, [fresh], {"issued_at": NOW - 91 * DAY}),
        ("EKYC1:", [fresh], {}),
        ("", [fresh], {}),
    ]
    for number, (code, lists, changes) in enumerate(cases):
        anchor = registry.anchor(**changes)
        ours = registry.inspect(code, *lists, anchor=anchor)
        pem = registry.operator.public.pem()
        theirs = judge(code, anchor.listed.message.text, pem, words, lists, int(NOW.timestamp()))
        assert theirs == WORD[ours.outcome], number


def test_a_trust_list_by_another_operator(registry, words):
    anchor = registry.anchor()
    pem = registry.neighbour.public.pem()
    text, listed = registry.qr(), registry.statuses()
    word = judge(text, anchor.listed.message.text, pem, words, [listed], int(NOW.timestamp()))
    assert word == "refuse"


def test_the_document_tells_the_truth(repository_root, words):
    document = (repository_root / "docs" / "credentials.md").read_text(encoding="utf-8")
    assert hashlib.sha256(words).hexdigest() in document
    assert f"has {len(words)} bytes" in document
    signer = Ed25519Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    text = encode_result(result(schema=schema_of("certified-copy"), values=COPY), signer=signer)
    assert text in document
    message = packing.unpack(base45.decode(text[6:]), most=8192)
    assert message.hex() in document.replace("\n", "")
    assert signer.public.kid.hex() in document
