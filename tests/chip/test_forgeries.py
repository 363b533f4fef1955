"""Files crafted by somebody who wants a wrong accept. Each is tried as a whole document, and none earns a verdict."""

import hashlib

import pytest
from asn1crypto import cms

from ekyc.chip import ActiveAuthenticationExchange, inspect_chip
from ekyc.chip.active_auth import ActiveAuthenticationResult
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.protocol_infos import encode_oid, offered_chip_authentication
from ekyc.chip.sim import ChipProfile, PaceConfiguration, PaceMapping, SimulatedIssuer
from ekyc.chip.sim.files import build_security_object
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der
from ekyc.pki.curves import CURVES

NONCE = bytes.fromhex("0102030405060708")
PORTRAIT = b"\xff\xd8\xff another face \xff\xd9"
SOD, DG1, DG13, DG15 = (
    ElementaryFile.SOD,
    ElementaryFile.DG1,
    ElementaryFile.DG13,
    ElementaryFile.DG15,
)


def judged(files, trust, clock, signature=None):
    exchange = ActiveAuthenticationExchange(nonce=NONCE, signature=signature)
    return inspect_chip(files, trust=trust, challenge=exchange, at=clock.now())


def security_object(files, *, order=None, shorten=0, extra=()):
    """DER ``LDSSecurityObject`` with hashes that may be cut, listed twice, or taken from elsewhere."""
    listed = [*sorted(files.data_groups.items()), *extra]
    if order:
        listed.sort(key=order)
    entries = (
        der.encode(
            der.SEQUENCE,
            der.encode(2, bytes((number,))),
            der.encode(4, hashlib.sha256(data).digest()[: 32 - shorten]),
        )
        for number, data in listed
    )
    sha256 = bytes.fromhex("300b0609608648016503040201")
    return der.encode(der.SEQUENCE, b"\x02\x01\x00", sha256, der.encode(der.SEQUENCE, *entries))


def with_sod(files, sod):
    return files.with_file(SOD, sod)


def edited(files, change):
    """The files with the CMS of their EF.SOD changed by hand."""
    encoded = files.get(SOD)
    info = cms.ContentInfo.load(der.content_of(encoded, der.single(encoded, 0x77)))
    change(info["content"])
    return with_sod(files, der.encode(0x77, info.dump(force=True)))


def assert_nothing_earned(report):
    assert report.identity is None
    assert report.portrait is None
    assert report.active_authentication is None
    assert report.chip_authentication is None


def test_a_covered_key_under_a_signature_that_does_not_hold(card, trust, clock):
    """DG15 has the listed hash and the chip answers, but the list is signed by nobody."""

    def spoil(signed):
        signature = bytearray(signed["signer_infos"][0]["signature"].native)
        signature[-1] ^= 1
        signed["signer_infos"][0]["signature"] = bytes(signature)

    report = judged(edited(card.files, spoil), trust, clock, card.active_authenticate(NONCE))
    assert report.check("chip.signature").outcome is Outcome.FAILED
    check = report.check("chip.active_authentication")
    assert (check.outcome, check.reasons) == (Outcome.FAILED, ("chip.aa_key_not_covered",))
    assert_nothing_earned(report)


@pytest.mark.parametrize("first", [True, False], ids=["forged first", "forged last"])
def test_a_group_listed_twice(card, issuer, trust, clock, first):
    """One hash for each reading: whoever takes the first, and whoever takes the last, would find his own."""
    other = card.with_changed_name(file=DG1).files
    twice = security_object(
        card.files,
        extra=[(1, other.get(DG1))],
        order=lambda item: (item[0], (item[1] == other.get(DG1)) is not first),
    )
    sod = issuer.sign_security_object(twice)
    for files in (card.files, other):
        report = judged(with_sod(files, sod), trust, clock)
        assert report.check("chip.structure").outcome is Outcome.FAILED
        assert_nothing_earned(report)


@pytest.mark.parametrize("shorten", [1, 16, 31, 32])
def test_a_hash_that_is_cut(card, issuer, trust, clock, shorten):
    sod = issuer.sign_security_object(security_object(card.files, shorten=shorten))
    report = judged(with_sod(card.files, sod), trust, clock, card.active_authenticate(NONCE))
    assert report.check("chip.hashes").outcome is Outcome.FAILED
    assert_nothing_earned(report)


def test_attributes_turned_into_content(card, trust, clock):
    """Signed attributes taken out and put in the place of the content: without attributes nothing is read."""

    def move(signed):
        signer = signed["signer_infos"][0]
        attributes = signer["signed_attrs"].untag().dump()
        del signer["signed_attrs"]
        signed["encap_content_info"]["content"] = attributes

    report = judged(edited(card.files, move), trust, clock)
    assert report.check("chip.signature").outcome is not Outcome.PASSED
    assert_nothing_earned(report)


def test_a_second_signer_beside_the_genuine_one(card, citizen, clock, trust):
    stranger = SimulatedIssuer.create(clock=clock).issue_card(citizen, PORTRAIT).files
    encoded = stranger.get(SOD)
    foreign = cms.ContentInfo.load(der.content_of(encoded, der.single(encoded, 0x77)))["content"]

    def join(signed):
        signed["signer_infos"] = [signed["signer_infos"][0], foreign["signer_infos"][0]]
        signed["certificates"] = [signed["certificates"][0], foreign["certificates"][0]]

    report = judged(edited(card.files, join), trust, clock)
    assert report.check("chip.signature").outcome is Outcome.FAILED
    assert_nothing_earned(report)


def test_a_genuine_certificate_beside_a_foreign_signature(card, citizen, clock, trust):
    """The signer's identifier names the genuine certificate; the key that signed is another. No other is tried."""
    stranger = SimulatedIssuer.create(clock=clock).issue_card(citizen, PORTRAIT).files
    encoded = card.files.get(SOD)
    genuine = cms.ContentInfo.load(der.content_of(encoded, der.single(encoded, 0x77)))["content"]

    def borrow(signed):
        signed["certificates"] = [genuine["certificates"][0], signed["certificates"][0]]
        signed["signer_infos"][0]["sid"] = genuine["signer_infos"][0]["sid"]

    report = judged(edited(stranger, borrow), trust, clock)
    check = report.check("chip.signature")
    assert (check.outcome, check.reasons) == (Outcome.FAILED, ("chip.signature_invalid",))
    assert_nothing_earned(report)


def test_a_security_object_of_another_kind_of_signed_data(cards_security, card, trust, clock):
    """EF.CardSecurity in the place of EF.SOD: the signer is genuine, what it signed is no list of hashes."""
    report = judged(with_sod(card.files, der.encode(0x77, cards_security)), trust, clock)
    assert report.check("chip.structure").outcome is Outcome.FAILED
    assert_nothing_earned(report)


@pytest.fixture
def cards_security(issuer, citizen):
    profile = ChipProfile(pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),))
    mapped = issuer.issue_card(citizen, PORTRAIT, profile=profile)
    return mapped.access_files.get(ElementaryFile.CARD_SECURITY)


def test_a_vietnamese_group_of_a_foreign_signer_without_its_zone(citizen, issuer, clock):
    """Any state's key signs DG13 as ours is filled; DG1, which would name the state, is kept back."""
    foreign = SimulatedIssuer.create(country="LA", clock=clock)
    own = issuer.issue_card(citizen, PORTRAIT).files.without(DG1)
    listed = build_security_object(own.data_groups)
    files = with_sod(own, foreign.sign_security_object(listed))
    both = TrustStore.from_certificates(
        [issuer.csca_certificate_der, foreign.csca_certificate_der], source="test"
    )
    assert judged(files, both, clock).identity is None
    home = with_sod(own, issuer.sign_security_object(listed))
    assert judged(home, both, clock).identity is not None


def test_keys_of_chip_authentication_that_are_no_points():
    """Infinity, off the curve, on its twist, not reduced, cut: none makes an offer."""
    curve = next(item for item in CURVES if item.name == "brainpoolP256r1")
    x, y = curve.generator
    size = curve.octets

    def octets(number):
        return number.to_bytes(size + 1, "big")[-size:]

    keys = {
        "infinity": b"\0",
        "origin": b"\4" + bytes(2 * size),
        "off the curve": b"\4" + octets(x) + octets(y ^ 1),
        "not reduced": b"\4" + octets(x + curve.p) + octets(y),
        "cut": b"\4" + octets(x) + octets(y)[:-1],
        "empty": b"",
    }
    for name, key in keys.items():
        for parameters in (
            (_oid("1.2.840.10045.2.1"), _oid(curve.oid)),
            (_oid("0.4.0.127.0.7.1.2"), b"\x02\x01\x0d"),
        ):
            algorithm = der.encode(0x30, *parameters)
            info = der.encode(
                0x30,
                _oid("0.4.0.127.0.7.2.2.1.2"),
                der.encode(0x30, algorithm, der.encode(3, b"\0", key)),
            )
            infos = parse_security_infos(der.encode(0x31, info), subject="test")
            assert offered_chip_authentication(infos) == (), name


def _oid(dotted):
    return der.encode(6, encode_oid(dotted))


@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(63) + b"\1", b"\1" + bytes(63)])
def test_answers_of_zeros(card, trust, clock, signature):
    """r or s of zero: a verifier that divides by it would take anything."""
    report = judged(card.files, trust, clock, signature)
    assert report.check("chip.active_authentication").outcome is Outcome.FAILED
    assert report.active_authentication is None


@pytest.mark.parametrize(
    ("scheme", "digest", "bits", "weak"),
    [
        ("ecdsa-plain", "sha256", 192, True),
        ("ecdsa", "sha256", 224, False),
        ("ecdsa", "sha1", 256, True),
        ("iso9796-2", "sha256", 1024, True),
        ("iso9796-2", "sha256", 2048, False),
    ],
)
def test_weak_answers_are_marked(scheme, digest, bits, weak):
    result = ActiveAuthenticationResult(scheme=scheme, digest=digest, key_bits=bits)
    assert result.weak is weak
