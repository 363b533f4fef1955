"""Chip authentication: who may count as genuine, and who may not."""

import pytest
from chip_links import Stranger

from ekyc.chip import ChipFiles, inspect_chip
from ekyc.chip.access_key import MrzKey
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.bac import establish_bac
from ekyc.chip.chip_auth import ChipAuthChallenge, ChipAuthMethod, authenticate_chip
from ekyc.chip.chip_auth_finding import ChipAuthExchange
from ekyc.chip.ciphers import AES128
from ekyc.chip.domain_parameters import STANDARD_GROUPS, DhGroup
from ekyc.chip.file_reading import FileReader
from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.program import PlainChannel, run_program
from ekyc.chip.protocol_infos import encode_oid, offered_chip_authentication
from ekyc.chip.reader import read_chip
from ekyc.chip.secure_messaging import SecureChannel, SecureMessaging, SessionKeys
from ekyc.chip.sim import (
    CardSimulator,
    ChipProfile,
    PaceConfiguration,
    PaceMapping,
    SimulatedIssuer,
)
from ekyc.chip.sim.commands import StatusError
from ekyc.errors import ChipError
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der
from ekyc.ports import SystemRandom

CHECK = "chip.chip_authentication"
PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"


def key_of(card):
    return MrzKey(*card.mrz_key)


def reading_of(card, **options):
    return run_program(
        read_chip(key_of(card), random=SystemRandom(), **options), CardSimulator(card)
    )


@pytest.fixture(scope="module")
def judge(trust, clock):
    """Outcome and reasons of the one check."""

    def run(files, evidence, *, trust=trust):
        report = inspect_chip(files, trust=trust, chip_authentication=evidence, at=clock.now())
        check = report.check(CHECK)
        assert (report.chip_authentication is not None) == (check.outcome is Outcome.PASSED)
        return check.outcome, check.reasons

    return run


def test_the_genuine_chip_passes(card, judge):
    reading = reading_of(card)
    assert judge(reading.files, reading.chip_authentication) == (Outcome.PASSED, ())


def test_a_protocol_result_alone_is_no_verdict(card, judge):
    """The protocol completes for a clone with its own DG14; only the inspection tells."""
    clone = card.clone_with_own_key()
    own = clone.with_file(ElementaryFile.DG14, _dg14_with(clone.agreement_key))
    reading = reading_of(own)
    assert reading.chip_authentication is not None
    assert judge(reading.files, reading.chip_authentication) == (
        Outcome.FAILED,
        ("chip.ca_key_not_covered",),
    )
    assert judge(card.files, reading.chip_authentication) == (
        Outcome.FAILED,
        ("chip.ca_key_not_covered",),
    )


def _dg14_with(private):
    """A clone's DG14: brainpoolP256r1 under AES-128, like the original's."""
    key = der.encode(0x30, _oid("0.4.0.127.0.7.2.2.1.2"), _dg14_key(private))
    protocol = der.encode(0x30, _oid("0.4.0.127.0.7.2.2.3.2.2"), der.encode(2, b"\1"))
    return der.encode(0x6E, der.encode(0x31, protocol, key))


def _dg14_key(private):
    group = STANDARD_GROUPS[13]
    point = group.encode(group.multiply(private, group.generator))
    algorithm = der.encode(0x30, _oid("1.2.840.10045.2.1"), _oid("1.3.36.3.3.2.8.1.1.7"))
    return der.encode(0x30, algorithm, der.encode(3, b"\0", point))


def _oid(dotted):
    return der.encode(6, encode_oid(dotted))


def test_a_copy_without_the_private_key_is_unmasked_by_its_first_answer(card):
    reading = reading_of(card.clone_with_own_key())
    assert reading.chip_authentication is None
    assert reading.chip_authentication_error == "chip.ca_invalid"


def test_a_chip_that_does_not_take_part_is_read_and_reported(card, judge):
    class Refusing(CardSimulator):
        """Knows no chip authentication, though its DG14 offers it."""

        def _manage_security_environment(self, command):
            if command.p1 == 0x41:
                raise StatusError(0x6A80)
            return super()._manage_security_environment(command)

    reading = run_program(read_chip(key_of(card), random=SystemRandom()), Refusing(card))
    assert reading.chip_authentication_error == "chip.ca_refused"
    assert reading.files.get(ElementaryFile.DG1) == card.files.get(ElementaryFile.DG1)
    assert judge(reading.files, reading.chip_authentication_evidence) == (
        Outcome.INDETERMINATE,
        ("chip.ca_refused",),
    )


# -- what the inspection says where something is missing


def test_without_anchor_the_key_still_is_the_signed_one(card, judge):
    reading = reading_of(card)
    assert judge(reading.files, reading.chip_authentication, trust=TrustStore()) == (
        Outcome.PASSED,
        (),
    )


def test_each_missing_part_is_named(card, judge):
    reading = reading_of(card)
    proof = reading.chip_authentication
    without = card.files.without
    expected = {
        "nothing submitted": (card.files, None, "chip.ca_not_submitted"),
        "no EF.SOD": (without(ElementaryFile.SOD), proof, "chip.sod_missing"),
        "DG14 kept back": (without(ElementaryFile.DG14), proof, "chip.ca_key_withheld"),
    }
    for name, (files, evidence, reason) in expected.items():
        assert judge(files, evidence) == (Outcome.NOT_PERFORMED, (reason,)), name
    assert judge(ChipFiles(), proof) == (Outcome.NOT_PERFORMED, ("chip.sod_missing",))


def test_a_chip_without_the_protocol(issuer, citizen, judge):
    card = issuer.issue_card(citizen, PORTRAIT, profile=ChipProfile(chip_authentication=None))
    reading = reading_of(card)
    assert reading.chip_authentication is None
    assert judge(reading.files, None) == (Outcome.NOT_PERFORMED, ("chip.ca_not_supported",))


# -- one round trip


def _one_round_trip(asked, answering):
    """A phone holds the session with the chip, sends what the server says, and returns the last response."""
    (info, *_) = offered_chip_authentication(parse_dg14(asked.files.get(ElementaryFile.DG14)))
    challenge = ChipAuthChallenge.create(info, SystemRandom())
    chip = CardSimulator(answering)
    run_program(FileReader(PlainChannel()).select_application(), chip)
    channel = run_program(establish_bac(key_of(answering), random=SystemRandom()), chip)
    for command in challenge.agreement_commands:
        assert run_program(channel.send(command), chip).ok
    response = chip.transceive(challenge.first_command.encode())
    return ChipAuthExchange(challenge=challenge, response=response)


def test_one_round_trip_proves_the_genuine_chip(card, judge):
    assert judge(card.files, _one_round_trip(card, card)) == (Outcome.PASSED, ())


def test_one_round_trip_unmasks_a_copy(card, judge):
    exchange = _one_round_trip(card, card.clone_with_own_key())
    assert judge(card.files, exchange) == (Outcome.FAILED, ("chip.ca_invalid",))


def test_the_answer_to_another_challenge_is_worthless(card, judge):
    first, second = _one_round_trip(card, card), _one_round_trip(card, card)
    replayed = ChipAuthExchange(challenge=second.challenge, response=first.response)
    assert judge(card.files, replayed) == (Outcome.FAILED, ("chip.ca_invalid",))


@pytest.mark.parametrize(
    "response", [b"", b"\x90", b"\x90\x00", bytes(70_000), b"\x99\x02\x90\x00\x90\x00"]
)
def test_no_answer_is_no_proof(card, judge, response):
    exchange = _one_round_trip(card, card)
    forged = ChipAuthExchange(challenge=exchange.challenge, response=response)
    assert judge(card.files, forged) == (Outcome.FAILED, ("chip.ca_invalid",))


def test_a_challenge_does_not_show_its_secret():
    infos = parse_dg14(_dg14_with(5))
    (info,) = offered_chip_authentication(infos)
    challenge = ChipAuthChallenge.create(info, SystemRandom())
    assert str(challenge.private.reveal()) not in repr(challenge)


# -- PACE with chip authentication mapping


@pytest.fixture(scope="module")
def cam_card(issuer, citizen):
    profile = ChipProfile(pace=(PaceConfiguration(mapping=PaceMapping.CHIP_AUTHENTICATION),))
    return issuer.issue_card(citizen, PORTRAIT, profile=profile)


def test_mapping_proves_the_chip(cam_card, judge):
    reading = reading_of(cam_card)
    assert reading.chip_authentication.method is ChipAuthMethod.PACE_CAM
    assert judge(reading.files, reading.chip_authentication) == (Outcome.PASSED, ())


def _without_key_in_dg14(reading, card):
    """The mapping card's files around the DG14 of a card without it; EF.SOD must go along."""
    kept = {file.value: data for file, data in card.files.items()}
    kept["EF.CardSecurity"] = reading.files.get(ElementaryFile.CARD_SECURITY)
    return ChipFiles.from_mapping(kept)


def test_a_key_of_the_card_security_counts_where_its_signer_chains(cam_card, card, judge):
    reading = reading_of(cam_card)
    files = _without_key_in_dg14(reading, card)
    assert judge(files, reading.chip_authentication) == (Outcome.PASSED, ())


def test_anybody_can_sign_a_card_security(cam_card, card, citizen, clock, judge):
    forger = SimulatedIssuer.create(clock=clock)
    forged = forger.issue_card(citizen, PORTRAIT, profile=cam_card.profile)
    reading = reading_of(forged)
    files = _without_key_in_dg14(reading, card)
    assert judge(files, reading.chip_authentication) == (
        Outcome.INDETERMINATE,
        ("chip.ca_key_not_covered",),
    )


def test_a_card_security_of_another_state_does_not_count(
    cam_card, card, citizen, clock, judge, issuer
):
    elsewhere = SimulatedIssuer.create(country="LA", clock=clock)
    reading = reading_of(elsewhere.issue_card(citizen, PORTRAIT, profile=cam_card.profile))
    both = TrustStore.from_certificates(
        [issuer.csca_certificate_der, elsewhere.csca_certificate_der], source="test"
    )
    files = _without_key_in_dg14(reading, card)
    outcome, reasons = judge(files, reading.chip_authentication, trust=both)
    assert (outcome, reasons) == (Outcome.INDETERMINATE, ("chip.ca_key_not_covered",))


def test_a_mapping_without_card_security_stays_open(cam_card, card, judge):
    proof = reading_of(cam_card).chip_authentication
    assert judge(card.files, proof) == (Outcome.INDETERMINATE, ("chip.ca_key_not_covered",))


def test_a_copy_cannot_do_the_mapping(cam_card, judge):
    reading = reading_of(cam_card.clone_with_own_key())
    assert reading.chip_authentication_error == "chip.ca_invalid"
    assert set(reading.files.data_groups) == set(cam_card.files.data_groups)
    assert judge(reading.files, reading.chip_authentication_evidence) == (
        Outcome.FAILED,
        ("chip.ca_invalid",),
    )


def test_a_failed_mapping_is_a_finding_also_without_a_key_in_dg14(cam_card, card, judge):
    reading = reading_of(cam_card.clone_with_own_key())
    files = _without_key_in_dg14(reading, card)
    assert judge(files, reading.chip_authentication_evidence) == (
        Outcome.FAILED,
        ("chip.ca_invalid",),
    )


# -- groups of the chip's key


@pytest.mark.parametrize("parameter", [0, 1, 2])
@pytest.mark.parametrize("x942", [True, False])
def test_keys_of_dh_groups(parameter, x942):
    """A chip of our own making: X9.42 names the order of the subgroup, PKCS #3 does not."""
    group = STANDARD_GROUPS[parameter]
    private = group.private_key(SystemRandom())
    numbers = (group.p, group.g, *((group.q,) if x942 else ()))
    oid = "1.2.840.10046.2.1" if x942 else "1.2.840.113549.1.3.1"
    algorithm = der.encode(0x30, _oid(oid), der.encode(0x30, *map(_integer, numbers)))
    public = pow(group.g, private, group.p)
    key = der.encode(0x30, algorithm, der.encode(3, b"\0", _integer(public)))
    infos = der.encode(
        0x31,
        der.encode(0x30, _oid("0.4.0.127.0.7.2.2.3.1.2"), der.encode(2, b"\1")),
        der.encode(0x30, _oid("0.4.0.127.0.7.2.2.1.1"), key),
    )
    (info,) = offered_chip_authentication(parse_security_infos(infos, subject="test"))
    assert info.name == "CA-DH-AES-128"
    assert isinstance(info.key.group, DhGroup)
    challenge = ChipAuthChallenge.create(info, SystemRandom())
    theirs = int.from_bytes(challenge.public, "big")
    keys = SessionKeys.derive(AES128, pow(theirs, private, group.p).to_bytes(group.octets, "big"))
    assert (
        SecureMessaging(keys).protect(CommandApdu(0, 0xA4, 2, 12, b"\1\x0e"))
        == challenge.first_command
    )


def _integer(number):
    return der.encode(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


MODP = STANDARD_GROUPS[0]


@pytest.mark.parametrize(
    ("numbers", "public"),
    [
        ((7, 5, 3), 4),
        (((1 << 4200) + 1, 5, 7), 4),
        ((MODP.p, 1, 3), 4),
        ((MODP.p, 5, MODP.q), MODP.g),
        ((MODP.p, MODP.g, MODP.q), 5),
        ((MODP.p - 1, MODP.g, MODP.q), MODP.g),
        ((MODP.p, MODP.g), MODP.p - 1),
    ],
    ids=[
        "tiny",
        "enormous",
        "g is one",
        "g outside",
        "key outside",
        "p is even",
        "key of order two",
    ],
)
def test_keys_of_impossible_groups_are_no_offer(numbers, public):
    algorithm = der.encode(
        0x30, _oid("1.2.840.10046.2.1"), der.encode(0x30, *map(_integer, numbers))
    )
    key = der.encode(0x30, algorithm, der.encode(3, b"\0", _integer(public)))
    infos = der.encode(0x31, der.encode(0x30, _oid("0.4.0.127.0.7.2.2.1.1"), key))
    assert offered_chip_authentication(parse_security_infos(infos, subject="test")) == ()


def test_each_key_goes_with_the_protocol_of_its_identifier():
    """Two keys, two protocols: the strongest cipher first, each with its own key."""
    entries = []
    for key_id, cipher in ((b"\5", 2), (b"\6", 4)):
        key = _dg14_key(int.from_bytes(key_id, "big"))
        name = _oid(f"0.4.0.127.0.7.2.2.3.2.{cipher}")
        entries.append(der.encode(0x30, name, der.encode(2, b"\1"), der.encode(2, key_id)))
        entries.append(der.encode(0x30, _oid("0.4.0.127.0.7.2.2.1.2"), key, der.encode(2, key_id)))
    offers = offered_chip_authentication(
        parse_security_infos(der.encode(0x31, *entries), subject="test")
    )
    assert [(info.name, info.key.key_id) for info in offers] == [
        ("CA-ECDH-AES-256", 6),
        ("CA-ECDH-AES-128", 5),
    ]


def test_a_refusal_under_secure_messaging_keeps_the_channel():
    keys = SessionKeys.derive(AES128, b"secret")
    chip = SecureMessaging(keys)

    def answer(command):
        chip.protect(CommandApdu(0, 0, 0, 0))  # counts
        chip._count()
        body = der.encode(0x99, b"\x6a\x80")
        return body + der.encode(0x8E, chip._checksum(chip._pad(body))) + b"\x6a\x80"

    (info,) = offered_chip_authentication(parse_dg14(_dg14_with(5)))
    channel = SecureChannel(SecureMessaging(keys))
    with pytest.raises(ChipError) as error:
        run_program(authenticate_chip(info, channel, random=SystemRandom()), Stranger(answer))
    assert error.value.code == "chip.ca_refused"
    assert channel.messaging.counter == 2
