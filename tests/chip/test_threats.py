"""The threat table of the upload way, one row per attack: each is refused, by a check and a reason of its own.

Attacks on a running session (wrong checksum after chip authentication, downgrade of secure messaging) have theirs in
the tests of the reader. Finer variants of the same attacks stand in ``test_attacks.py``.
"""

import hashlib
import struct
import tracemalloc
from dataclasses import dataclass
from dataclasses import replace as changed
from datetime import timedelta
from types import SimpleNamespace

import pytest
from asn1crypto import cms, keys, x509
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from ekyc.chip import (
    ActiveAuthenticationExchange,
    ChainVerdict,
    ChipFiles,
    ElementaryFile,
    inspect_chip,
)
from ekyc.chip.chip_auth import ChipAuthMethod, ChipAuthProtocolResult
from ekyc.chip.chip_auth import bind_to_passive_authentication as bind_chip_authentication
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.sim import SimulatedIssuer
from ekyc.chip.sim.files import build_security_object
from ekyc.errors import TrustError
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der
from ekyc.pki.curves import CURVES
from ekyc.storage import ACTIVE_AUTHENTICATION, FreshnessError, Storage
from ekyc.testing import FixedClock

F, I_, N = Outcome.FAILED, Outcome.INDETERMINATE, Outcome.NOT_PERFORMED
JPEG = b"\xff\xd8\xff another face \xff\xd9"
NONCE = bytes.fromhex("0102030405060708")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What an attacker submits, and whom the operator trusts."""

    files: ChipFiles
    answer: bytes | None = None
    trust: TrustStore | None = None
    later: timedelta = timedelta(0)


def resigned(issuer, files, groups=None):
    """The files with an EF.SOD that the issuer signs over some of them."""
    listed = {n: data for n, data in files.data_groups.items() if groups is None or n in groups}
    return files.with_file(
        ElementaryFile.SOD, issuer.sign_security_object(build_security_object(listed))
    )


def clone_with_own_dg15(stage):
    clone = stage.card.clone_with_own_key(replace_dg15=True)
    return Scene(files=clone.files, answer=clone.active_authenticate(NONCE))


def clone_with_own_dg14(stage):
    other = stage.issuer.issue_card(stage.citizen, JPEG).files.get(ElementaryFile.DG14)
    return Scene(files=stage.card.files.with_file(ElementaryFile.DG14, other))


def clone_that_keeps_dg15(stage):
    return Scene(
        files=stage.card.files, answer=stage.card.clone_with_own_key().active_authenticate(NONCE)
    )


def sod_of_another_person(stage):
    someone = changed(stage.citizen, personal_number="048185999999", full_name="LÊ VĂN KHÁC")
    other = stage.issuer.issue_card(someone, JPEG).files
    return Scene(
        files=other.with_file(ElementaryFile.SOD, stage.card.files.get(ElementaryFile.SOD))
    )


def group_missing_from_the_sod(stage):
    return Scene(files=resigned(stage.issuer, stage.card.files, {1, 2, 14, 15}))


def group_withheld(stage):
    return Scene(files=stage.card.files.without(ElementaryFile.DG1))


def replayed_answer(stage):
    return Scene(files=stage.card.files, answer=stage.card.active_authenticate(b"recorded"))


def answer_withheld(stage):
    return Scene(files=stage.card.files)


def authority_of_another_country(stage):
    german = SimulatedIssuer.create(country="DE", clock=stage.clock)
    return Scene(
        files=german.issue_card(stage.citizen, JPEG).files,
        trust=TrustStore.from_certificates([german.csca_certificate_der]),
    )


def unknown_authority(stage):
    stranger = SimulatedIssuer.create(clock=stage.clock)
    return Scene(files=stranger.issue_card(stage.citizen, JPEG).files)


def swapped_portrait(stage):
    other = stage.issuer.issue_card(stage.citizen, JPEG).files.get(ElementaryFile.DG2)
    return Scene(files=stage.card.files.with_file(ElementaryFile.DG2, other))


def expired_document_signer(stage):
    """The document signer lived eleven years; twelve years on somebody still signs with its key."""
    clock = FixedClock(stage.clock.now())
    issuer = SimulatedIssuer.create(clock=clock)
    clock.advance(timedelta(days=12 * 365))
    return Scene(
        files=issuer.issue_card(stage.citizen, JPEG).files,
        trust=TrustStore.from_certificates([issuer.csca_certificate_der]),
        later=timedelta(days=12 * 365),
    )


def digest_of(data):
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


def foreign_generator(stage, **numbers):
    """CVE-2020-0601: the genuine signer's public key, under a generator that makes its private key 1.

    With other ``numbers`` a parameter beside the generator is changed.
    """
    sod = stage.card.files.get(ElementaryFile.SOD)
    info = cms.ContentInfo.load(der.content_of(sod, der.single(sod, 0x77)))
    signed = info["content"]
    certificate = signed["certificates"][0].chosen
    curve = next(item for item in CURVES if item.name == "secp256r1")
    point = certificate["tbs_certificate"]["subject_public_key_info"]["public_key"].native
    public = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big"))
    domain = keys.SpecifiedECDomain(
        {
            "version": 1,
            "field_id": {"field_type": "prime_field", "parameters": curve.p},
            "curve": {"a": curve.a.to_bytes(32, "big"), "b": curve.b.to_bytes(32, "big")},
            "base": keys.ECPoint.from_coords(*(curve.generator if numbers else public)),
            "order": curve.order,
            "cofactor": 1,
        }
        | numbers
    )
    tbs = certificate["tbs_certificate"].copy()
    tbs["subject_public_key_info"]["algorithm"]["parameters"] = keys.ECDomainParameters(
        name="specified", value=domain
    )
    forged = x509.Certificate(
        {
            "tbs_certificate": tbs,
            "signature_algorithm": certificate["signature_algorithm"],
            "signature_value": certificate["signature_value"],
        }
    )
    signer = signed["signer_infos"][0]
    hashed = digest_of(signer["signed_attrs"].untag().dump())
    nonce = 0x1234567890ABCDEF
    r = curve.multiply(nonce, public)[0] % curve.order
    s = pow(nonce, -1, curve.order) * (hashed + r) % curve.order
    signer["signature"] = encode_dss_signature(r, s)
    signed["certificates"] = [forged]
    return Scene(
        files=stage.card.files.with_file(
            ElementaryFile.SOD, der.encode(0x77, info.dump(force=True))
        )
    )


def foreign_order(stage):
    return foreign_generator(stage, order=7)


def foreign_cofactor(stage):
    return foreign_generator(stage, cofactor=8)


def four_gigabytes(stage):
    return Scene(
        files=stage.card.files.with_file(ElementaryFile.DG2, bytes.fromhex("7584ffffffff00"))
    )


def endless_nesting(stage):
    data = b""
    while len(data) < 60_000:
        data = der.encode(0x61, data)
    return Scene(files=stage.card.files.with_file(ElementaryFile.DG5, der.encode(0x65, data)))


def millions_of_elements(stage):
    data = der.encode(0x67, b"\x02\x00" * 60_000)
    return Scene(files=stage.card.files.with_file(ElementaryFile.DG7, data))


def a_face_record_of_four_gigabytes(stage):
    record = struct.pack(">8sIH", b"FAC\x00010\x00", 0xFFFFFFFF, 1)
    template = der.encode(0x7F60, der.encode(0x5F2E, record))
    data = der.encode(0x75, der.encode(0x7F61, b"\x02\x01\x01", template))
    return Scene(files=stage.card.files.with_file(ElementaryFile.DG2, data))


AA, HASHES, CHAIN = "chip.active_authentication", "chip.hashes", "chip.chain"
SIGNATURE, STRUCTURE = "chip.signature", "chip.structure"

THREATS = {
    clone_with_own_dg15: (AA, F, "chip.aa_key_not_covered", "EF.DG15"),
    clone_with_own_dg14: (HASHES, F, "chip.hash_mismatch", "EF.DG14"),
    clone_that_keeps_dg15: (AA, F, "chip.aa_invalid", "EF.DG15"),
    sod_of_another_person: (HASHES, F, "chip.hash_mismatch", "EF.DG1"),
    group_missing_from_the_sod: (HASHES, I_, "chip.not_covered", "EF.DG13"),
    group_withheld: (STRUCTURE, I_, "chip.file_missing", "EF.DG1"),
    replayed_answer: (AA, F, "chip.aa_invalid", "EF.DG15"),
    answer_withheld: (AA, N, "chip.aa_not_submitted", "EF.DG15"),
    authority_of_another_country: (CHAIN, F, "chip.country_mismatch", None),
    unknown_authority: (CHAIN, I_, "chip.no_anchor", None),
    swapped_portrait: (HASHES, F, "chip.hash_mismatch", "EF.DG2"),
    expired_document_signer: (CHAIN, F, "chip.outside_validity", None),
    foreign_generator: (SIGNATURE, F, "chip.curve_foreign_generator", None),
    foreign_order: (SIGNATURE, F, "chip.curve_foreign_order", None),
    foreign_cofactor: (SIGNATURE, F, "chip.curve_foreign_cofactor", None),
    four_gigabytes: (STRUCTURE, F, "chip.file_malformed", "EF.DG2"),
    endless_nesting: (STRUCTURE, F, "chip.file_excessive", "EF.DG5"),
    millions_of_elements: (STRUCTURE, F, "chip.file_excessive", "EF.DG7"),
    a_face_record_of_four_gigabytes: (STRUCTURE, F, "chip.file_malformed", "EF.DG2"),
}


@pytest.fixture(scope="module")
def stage(card, issuer, citizen, clock, trust):
    return SimpleNamespace(card=card, issuer=issuer, citizen=citizen, clock=clock, trust=trust)


def inspected(stage, scene):
    return inspect_chip(
        scene.files,
        trust=scene.trust or stage.trust,
        challenge=ActiveAuthenticationExchange(nonce=NONCE, signature=scene.answer),
        at=stage.clock.now() + scene.later,
    )


@pytest.mark.parametrize("attack", THREATS, ids=lambda attack: attack.__name__)
def test_threat(stage, attack):
    check_id, outcome, reason, subject = THREATS[attack]
    found = inspected(stage, attack(stage))
    check = found.check(check_id)
    assert check.outcome is outcome
    assert reason in check.reasons
    assert subject is None or subject in check.subjects


@pytest.mark.parametrize(
    "attack",
    [
        sod_of_another_person,
        authority_of_another_country,
        expired_document_signer,
        foreign_generator,
    ],
    ids=lambda attack: attack.__name__,
)
def test_nothing_of_a_refused_document_is_believed(stage, attack):
    found = inspected(stage, attack(stage))
    assert found.portrait is None
    assert found.identity is None
    assert found.active_authentication is None


def test_the_forged_signature_holds_for_whoever_believes_the_generator(stage):
    """The attack is a real one: under the generator that came along, its signature verifies."""
    sod = foreign_generator(stage).files.get(ElementaryFile.SOD)
    info = cms.ContentInfo.load(der.content_of(sod, der.single(sod, 0x77)))
    signer = info["content"]["signer_infos"][0]
    curve = next(item for item in CURVES if item.name == "secp256r1")
    spki = info["content"]["certificates"][0].chosen["tbs_certificate"]["subject_public_key_info"]
    point = spki["public_key"].native
    public = (int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big"))
    r, s = decode_dss_signature(signer["signature"].native)
    w = pow(s, -1, curve.order)
    hashed = digest_of(signer["signed_attrs"].untag().dump())
    both = (hashed * w + r * w) % curve.order  # generator and public key are one point
    assert curve.multiply(both, public)[0] % curve.order == r


def test_chip_authentication_with_a_key_of_the_clone_is_no_verdict(stage):
    """The protocol completed, with the key in a DG14 that the clone brought along."""
    scene = clone_with_own_dg14(stage)
    dg14 = parse_dg14(scene.files.get(ElementaryFile.DG14))
    result = ChipAuthProtocolResult(
        method=ChipAuthMethod.CHIP_AUTHENTICATION,
        protocol="CA-ECDH-AES-128",
        public_key=b"",
        key_bits=256,
    )
    passive = inspected(stage, scene).passive_authentication
    with pytest.raises(TrustError) as caught:
        bind_chip_authentication(result, passive, dg14)
    assert caught.value.code == "chip.ca_key_not_covered"


@pytest.fixture
def session(tmp_path, clock):
    hands = FixedClock(clock.now())
    with Storage.open(tmp_path / "state.sqlite3", clock=hands) as storage:
        yield storage.nonces, hands


def test_answer_sent_twice(session, stage, trust, clock):
    """The second redemption gets no nonce, so no answer can be judged by it."""
    nonces, _ = session
    challenge = nonces.issue(ACTIVE_AUTHENTICATION)
    answer = stage.card.active_authenticate(challenge.nonce)
    exchange = ActiveAuthenticationExchange(
        nonce=nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION), signature=answer
    )
    first = inspect_chip(stage.card.files, trust=trust, challenge=exchange, at=clock.now())
    assert first.check(AA).outcome is Outcome.PASSED
    with pytest.raises(FreshnessError) as caught:
        nonces.redeem(challenge.id, ACTIVE_AUTHENTICATION)
    assert caught.value.code == "freshness.already_used"


def test_answer_to_the_nonce_of_another_session(session, stage, trust, clock):
    nonces, _ = session
    mine, other = nonces.issue(ACTIVE_AUTHENTICATION), nonces.issue(ACTIVE_AUTHENTICATION)
    exchange = ActiveAuthenticationExchange(
        nonce=nonces.redeem(mine.id, ACTIVE_AUTHENTICATION),
        signature=stage.card.active_authenticate(other.nonce),
    )
    found = inspect_chip(stage.card.files, trust=trust, challenge=exchange, at=clock.now())
    assert found.check(AA).reasons == ("chip.aa_invalid",)


@pytest.mark.parametrize(
    ("misuse", "code"),
    [
        (lambda nonces, hands, own: own, "freshness.expired"),
        (lambda nonces, hands, own: "00" * 16, "freshness.unknown"),
        (lambda nonces, hands, own: nonces.issue("liveness").id, "freshness.wrong_purpose"),
    ],
)
def test_nonce_that_is_none(session, misuse, code):
    nonces, hands = session
    own = nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=60).id
    hands.advance(timedelta(seconds=61))
    with pytest.raises(FreshnessError) as caught:
        nonces.redeem(misuse(nonces, hands, own), ACTIVE_AUTHENTICATION)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "attack", [four_gigabytes, a_face_record_of_four_gigabytes], ids=lambda attack: attack.__name__
)
def test_claimed_gigabytes_cost_less_than_one_megabyte(stage, attack):
    scene = attack(stage)
    inspected(stage, scene)  # imports and caches
    tracemalloc.start()
    try:
        inspected(stage, scene)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_no_threat_chains_to_a_verdict(stage):
    """No row of the table leaves every check passed."""
    for attack in THREATS:
        found = inspected(stage, attack(stage))
        assert any(check.outcome is not Outcome.PASSED for check in found.checks), attack
    assert inspected(stage, foreign_generator(stage)).chain_verdict is not ChainVerdict.CHAINED
