"""Reader against simulated card over every standardised group, mapping, cipher and kind of active authentication.

The two sides share no protocol code (``test_sim_apart.py``), so agreement means something.
"""

import pytest

from ekyc.chip import ActiveAuthenticationExchange, inspect_chip
from ekyc.chip.access_key import CanKey, MrzKey
from ekyc.chip.chip_auth import ChipAuthMethod
from ekyc.chip.domain_parameters import STANDARD_GROUPS
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.program import run_program
from ekyc.chip.protocol_infos import chip_authentication_keys
from ekyc.chip.reader import AccessProtocol as Opened
from ekyc.chip.reader import read_chip
from ekyc.chip.sim import (
    AccessProtocol,
    ActiveAuthenticationKind,
    CardQuirks,
    CardSimulator,
    ChipAuthenticationConfiguration,
    ChipProfile,
    Cipher,
    PaceConfiguration,
    PaceMapping,
)
from ekyc.chip.sim.groups import standard_group
from ekyc.outcomes import Outcome
from ekyc.pki import der, parse_signed_data
from ekyc.pki.keys import RsaPublicKey
from ekyc.ports import SystemRandom

PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"
NONCE = bytes.fromhex("0102030405060708")
FIRST_CURVE = 8
P224 = 10
"""secp224r1: p is 1 modulo 4, and Appendix B of ICAO 9303-11 needs 3."""

LONG = CardQuirks(extended_length=True)
"""Keys of 2048 bits fit no command of short length."""

ALL = sorted(STANDARD_GROUPS)
CURVES = [number for number in ALL if number >= FIRST_CURVE]
FILES = (ElementaryFile.DG1, ElementaryFile.DG14)


def named(number):
    group = STANDARD_GROUPS[number]
    return group.curve.name if number >= FIRST_CURVE else f"modp-{group.p.bit_length()}-{number}"


def open_card(card, *, files=FILES, quirks=LONG, **options):
    simulator = CardSimulator(card, access=frozenset({AccessProtocol.PACE}), quirks=quirks)
    program = read_chip(CanKey(card.can), random=SystemRandom(), files=files, **options)
    return run_program(program, simulator)


def issued(issuer, citizen, *, pace, authentication=None, **profile):
    return issuer.issue_card(
        citizen,
        PORTRAIT,
        profile=ChipProfile(pace=(pace,), chip_authentication=authentication, **profile),
    )


@pytest.mark.parametrize("number", ALL, ids=named)
def test_generic_mapping(issuer, citizen, number):
    card = issued(issuer, citizen, pace=PaceConfiguration(parameters=number))
    reading = open_card(card)
    kind = "ECDH" if number >= FIRST_CURVE else "DH"
    assert reading.access.name == f"PACE-{kind}-GM-AES-128"
    assert reading.files.get(ElementaryFile.DG1) == card.files.get(ElementaryFile.DG1)


@pytest.mark.parametrize("number", [n for n in ALL if n != P224], ids=named)
def test_integrated_mapping(issuer, citizen, number):
    pace = PaceConfiguration(mapping=PaceMapping.INTEGRATED, parameters=number)
    reading = open_card(issued(issuer, citizen, pace=pace))
    assert reading.access.name.endswith("DH-IM-AES-128")
    assert reading.files.get(ElementaryFile.DG1)


def test_integrated_mapping_over_p224_is_no_offer(issuer, citizen):
    """The mapping has no result there: the offer is passed over, and the one beside it taken."""
    odd = PaceConfiguration(mapping=PaceMapping.INTEGRATED, parameters=P224)
    profile = ChipProfile(pace=(odd, PaceConfiguration()), chip_authentication=None)
    reading = open_card(issuer.issue_card(citizen, PORTRAIT, profile=profile))
    assert reading.access.name == "PACE-ECDH-GM-AES-128"
    alone = issued(issuer, citizen, pace=odd)
    by_bac = run_program(
        read_chip(MrzKey(*alone.mrz_key), random=SystemRandom(), files=FILES), CardSimulator(alone)
    )
    assert by_bac.access.protocol is Opened.BAC


@pytest.mark.parametrize("number", CURVES, ids=named)
def test_chip_authentication_mapping(issuer, citizen, trust, clock, number):
    pace = PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION, parameters=number)
    authentication = ChipAuthenticationConfiguration(parameters=number)
    card = issued(issuer, citizen, pace=pace, authentication=authentication)
    reading = open_card(card, files=None)
    assert reading.chip_authentication.method is ChipAuthMethod.PACE_CAM
    report = inspect_chip(
        reading.files,
        trust=trust,
        chip_authentication=reading.chip_authentication_evidence,
        at=clock.now(),
    )
    assert report.check("chip.chip_authentication").outcome is Outcome.PASSED


@pytest.mark.parametrize("number", ALL, ids=named)
@pytest.mark.parametrize("cipher", [Cipher.TRIPLE_DES, Cipher.AES_192], ids=lambda c: c.name)
def test_chip_authentication(issuer, citizen, number, cipher):
    """Also with the two-step protocol for AES and the one-step one for 3DES."""
    authentication = ChipAuthenticationConfiguration(parameters=number, cipher=cipher)
    card = issued(issuer, citizen, pace=PaceConfiguration(), authentication=authentication)
    proven = open_card(card).chip_authentication
    kind = "ECDH" if number >= FIRST_CURVE else "DH"
    suite = {Cipher.TRIPLE_DES: "3DES", Cipher.AES_192: "AES-192"}[cipher]
    assert proven.protocol == f"CA-{kind}-{suite}"
    assert proven.key_bits == STANDARD_GROUPS[number].field_prime.bit_length()
    copy = open_card(card.clone_with_own_key())
    assert copy.chip_authentication_error == "chip.ca_invalid"


@pytest.mark.parametrize("cipher", Cipher, ids=lambda c: c.name)
@pytest.mark.parametrize("mapping", [PaceMapping.GENERIC, PaceMapping.INTEGRATED])
@pytest.mark.parametrize("number", [2, 13])
def test_every_cipher(issuer, citizen, cipher, mapping, number):
    pace = PaceConfiguration(mapping=mapping, cipher=cipher, parameters=number)
    assert open_card(issued(issuer, citizen, pace=pace)).files.get(ElementaryFile.DG1)


@pytest.mark.parametrize("cipher", [Cipher.AES_128, Cipher.AES_192, Cipher.AES_256])
def test_every_cipher_of_chip_authentication_mapping(issuer, citizen, cipher):
    pace = PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION, cipher=cipher)
    reading = open_card(issued(issuer, citizen, pace=pace))
    assert reading.chip_authentication.method is ChipAuthMethod.PACE_CAM


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_cards_own_modp_groups(number):
    """Entered apart from the reader's; a slip in one of them would not pass."""
    group = standard_group(number)
    assert pow(group.generator[0], group.order, group.p) == 1
    assert (group.p - 1) % group.order == 0
    for prime in (group.p, group.order):
        assert all(pow(base, prime - 1, prime) == 1 for base in (2, 3, 5, 7))


@pytest.mark.shared_data
def test_a_published_dh_key_on_standardised_parameters(shared_data):
    """BSI's EF.CardSecurity writes the key as an INTEGER; the worked example names the same key."""
    import json

    file = shared_data / "chip/vectors/icao_pace_dh_im_cam.json"
    content = json.loads(file.read_text())
    pace = next(item for item in content["pace"] if item["id"] == "bsi-eac2-pace-dh-gm")
    example = next(
        item
        for item in content["chip_authentication"]
        if item["id"] == "bsi-eac2-chip-authentication-dh"
    )
    signed = parse_signed_data(bytes.fromhex(pace["ef_cardsecurity"])).content
    infos = parse_security_infos(signed, subject="test")
    keys = {key.encoded.hex() for key in chip_authentication_keys(infos)}
    assert example["values"]["chip_static_public"] in keys


# -- active authentication


RSA = [kind for kind in ActiveAuthenticationKind if kind.rsa_bits]


@pytest.mark.parametrize("kind", RSA, ids=lambda kind: kind.name)
def test_active_authentication_by_rsa(issuer, citizen, trust, clock, kind):
    card = issued(issuer, citizen, pace=PaceConfiguration(), active_authentication=kind)
    quirks = CardQuirks(extended_length=kind.rsa_bits > 1600)
    reading = open_card(card, files=None, nonce=NONCE, quirks=quirks)
    key = parse_dg15(reading.files.get(ElementaryFile.DG15))
    assert isinstance(key, RsaPublicKey)
    signature = reading.active_authentication_signature
    assert len(signature) == kind.rsa_bits // 8

    def judged(nonce, signature):
        exchange = ActiveAuthenticationExchange(nonce=nonce, signature=signature)
        report = inspect_chip(reading.files, trust=trust, challenge=exchange, at=clock.now())
        return report.check("chip.active_authentication"), report.active_authentication

    check, proven = judged(NONCE, signature)
    assert check.outcome is Outcome.PASSED
    assert (proven.protocol.scheme, proven.protocol.digest) == ("iso9796-2", kind.digest)
    assert bool(check.reasons) is proven.protocol.weak
    other = (key.modulus - int.from_bytes(signature, "big")).to_bytes(len(signature), "big")
    assert judged(NONCE, other)[0].outcome is Outcome.PASSED  # the other root of the same message
    for nonce, answer in (
        (bytes(8), signature),
        (NONCE, card.clone_with_own_key().active_authenticate(NONCE)),
        (NONCE, signature[:-1]),
        (NONCE, b"\0" + signature),
    ):
        check, proven = judged(nonce, answer)
        assert (check.outcome, check.reasons, proven) == (
            Outcome.FAILED,
            ("chip.aa_invalid",),
            None,
        )


def test_a_long_signature_needs_extended_length(issuer, citizen):
    kind = ActiveAuthenticationKind.RSA_2048_SHA512
    card = issued(issuer, citizen, pace=PaceConfiguration(), active_authentication=kind)
    files = (ElementaryFile.DG15,)
    reading = open_card(card, files=files, nonce=NONCE, quirks=CardQuirks())
    assert reading.active_authentication_signature is None


def test_a_chip_with_rsa_names_no_digest_in_dg14(issuer, citizen):
    kind = ActiveAuthenticationKind.RSA_1024_SHA1
    card = issued(issuer, citizen, pace=PaceConfiguration(), active_authentication=kind)
    content = card.files.get(ElementaryFile.DG14)
    infos = der.content_of(content, der.single(content, 0x6E))
    assert parse_security_infos(infos, subject="test").active_authentication_digest is None
