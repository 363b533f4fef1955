"""Chip authentication by upload: one round trip, one use, one file, and every way to cheat at it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ekyc.chip import (
    ChipAuthExchange,
    ElementaryFile,
    MrzKey,
    chip_authentication_offer,
    run_program,
)
from ekyc.chip.apdu import CommandApdu
from ekyc.chip.bac import establish_bac
from ekyc.chip.domain_parameters import STANDARD_GROUPS
from ekyc.chip.file_reading import FileReader
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.program import PlainChannel
from ekyc.chip.protocol_infos import chip_authentication_keys, encode_oid
from ekyc.chip.secure_messaging import SecureMessaging, SessionKeys
from ekyc.chip.sim import CardSimulator, ChipAuthenticationConfiguration, ChipProfile, Cipher
from ekyc.chip.sim.files import build_dg14
from ekyc.chip.sim.profile import agreement_group
from ekyc.chip.upload_challenge import (
    MAX_DG14_BYTES,
    SECRET_BYTES,
    derive_chip_authentication,
    derive_nonce,
)
from ekyc.errors import ChipError, InputError, LimitError, TrustError
from ekyc.flows import Case, issue_challenge
from ekyc.flows.chip_stage import CHIP_CHECKS, judge_chip
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der
from ekyc.policy import Verdict, decide, load_profile
from ekyc.ports import SystemRandom
from ekyc.samples import SampleCitizen, answer_chip_authentication
from ekyc.samples.case import citizen_data
from ekyc.storage import Storage
from ekyc.testing import FixedClock

PORTRAIT = b"\xff\xd8\xff\xe0 no real picture \xff\xd9"
AA, CA, GENUINE = "chip.active_authentication", "chip.chip_authentication", "chip.genuine"
PASSED = (Outcome.PASSED, ())


@pytest.fixture(scope="module")
def clock():
    return FixedClock()


@pytest.fixture(scope="module")
def sim_issuer(clock):
    from ekyc.chip.sim import SimulatedIssuer

    return SimulatedIssuer.create(clock=clock)


@pytest.fixture(scope="module")
def card(sim_issuer):
    return sim_issuer.issue_card(citizen_data(SampleCitizen.default()), PORTRAIT)


@pytest.fixture
def storage(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3", clock=FixedClock()) as opened:
        yield opened


@pytest.fixture
def judge(sim_issuer, storage, clock):
    trust = TrustStore.from_certificates([sim_issuer.csca_certificate_der], source="test")

    def run(case, challenge_id, *, store=storage):
        found = judge_chip(
            case, trust=trust, storage=store, challenge_id=challenge_id, now=clock.now()
        )
        assert tuple(sorted(check.id for check in found.checks)) == tuple(sorted(CHIP_CHECKS))
        return {check.id: (check.outcome, check.reasons) for check in found.checks}

    return run


def dg14_of(card):
    return card.files.get(ElementaryFile.DG14)


def case_of(card, **answers):
    return Case(profile_id="passport-identity", chip=card.files, **answers)


def asked(storage, card):
    """A challenge for this card's DG14, and the phone's answer with it."""
    challenge = issue_challenge(storage.nonces, dg14=dg14_of(card))
    return challenge, answer_chip_authentication(card, challenge.chip_authentication)


def test_a_chip_is_proven_by_chip_authentication_alone(card, storage, judge):
    challenge, response = asked(storage, card)
    found = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert found[CA] == PASSED
    assert found[GENUINE] == PASSED
    assert found[AA] == (Outcome.NOT_PERFORMED, ("chip.aa_not_submitted",))


@pytest.mark.parametrize("cipher", list(Cipher))
def test_every_cipher(sim_issuer, storage, judge, cipher):
    profile = ChipProfile(
        chip_authentication=ChipAuthenticationConfiguration(cipher=cipher, key_id=7)
    )
    card = sim_issuer.issue_card(citizen_data(SampleCitizen.default()), PORTRAIT, profile=profile)
    challenge, response = asked(storage, card)
    found = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert found[CA][0] is Outcome.PASSED


def test_one_challenge_serves_both_proofs_and_is_spent_once(card, storage, judge):
    challenge, response = asked(storage, card)
    case = case_of(
        card,
        active_authentication_signature=card.active_authenticate(challenge.nonce),
        chip_authentication_response=response,
    )
    found = judge(case, challenge.id)
    assert found[AA] == found[CA] == found[GENUINE] == PASSED

    again = judge(case, challenge.id)
    replayed = (Outcome.FAILED, ("freshness.already_used",))
    assert again[AA] == again[CA] == again[GENUINE] == replayed


def test_the_nonce_of_such_a_challenge_serves_alone(card, storage, judge):
    challenge = issue_challenge(storage.nonces, dg14=dg14_of(card))
    signature = card.active_authenticate(challenge.nonce)
    found = judge(case_of(card, active_authentication_signature=signature), challenge.id)
    assert found[AA] == PASSED
    assert found[CA] == (Outcome.NOT_PERFORMED, ("chip.ca_not_submitted",))


def test_a_replayed_answer_is_refused(card, storage, judge):
    challenge, response = asked(storage, card)
    case = case_of(card, chip_authentication_response=response)
    judge(case, challenge.id)
    assert judge(case, challenge.id)[CA] == (Outcome.FAILED, ("freshness.already_used",))


def test_the_answer_of_another_session_is_refused(card, storage, judge):
    _, old = asked(storage, card)
    mine = issue_challenge(storage.nonces, dg14=dg14_of(card))
    found = judge(case_of(card, chip_authentication_response=old), mine.id)
    assert found[CA] == (Outcome.FAILED, ("chip.ca_invalid",))
    assert found[GENUINE] == (Outcome.FAILED, ("chip.ca_invalid",))


def test_an_expired_challenge_decides_nothing(card, tmp_path, judge):
    hands = FixedClock()
    with Storage.open(tmp_path / "expiring.sqlite3", clock=hands) as store:
        challenge, response = asked(store, card)
        hands.advance(timedelta(seconds=301))
        found = judge(
            case_of(card, chip_authentication_response=response), challenge.id, store=store
        )
    assert found[CA] == (Outcome.INDETERMINATE, ("freshness.expired",))


def test_an_unknown_challenge_decides_nothing(card, storage, judge):
    _, response = asked(storage, card)
    found = judge(case_of(card, chip_authentication_response=response), "made-up")
    assert found[CA] == found[GENUINE] == (Outcome.INDETERMINATE, ("freshness.unknown",))


def test_a_challenge_for_the_other_protocol_is_refused_and_not_spent(card, storage, judge):
    _, response = asked(storage, card)
    plain = issue_challenge(storage.nonces)
    case = case_of(card, chip_authentication_response=response)
    wrong = (Outcome.INDETERMINATE, ("freshness.wrong_purpose",))
    assert judge(case, plain.id)[CA] == wrong

    both = replace(case, active_authentication_signature=card.active_authenticate(plain.nonce))
    found = judge(both, plain.id)
    assert (found[AA], found[CA]) == (PASSED, wrong)


def test_an_answer_without_a_challenge_proves_nothing(card, storage, judge):
    _, response = asked(storage, card)
    case = case_of(card, chip_authentication_response=response)
    unasked = (Outcome.NOT_PERFORMED, ("chip.ca_no_challenge",))
    assert judge(case, None)[CA] == unasked
    assert judge(case, "anything", store=None)[CA] == unasked
    withheld = replace(case, chip=card.files.without(ElementaryFile.DG14))
    assert judge(withheld, None)[CA] == (Outcome.NOT_PERFORMED, ("chip.ca_key_withheld",))


def own_dg14(clone):
    group = agreement_group(clone.profile)
    public = group.encode(group.multiply(group.generator, clone.agreement_key))
    return build_dg14(clone.profile, public)


def test_a_clone_with_its_own_key_is_refused_either_way(card, storage, judge):
    """It answers well for its own DG14; the issuer signed another, and for that one the answer is none."""
    clone = card.clone_with_own_key()
    cloned = clone.with_file(ElementaryFile.DG14, own_dg14(clone))
    challenge, response = asked(storage, cloned)
    own = judge(case_of(cloned, chip_authentication_response=response), challenge.id)
    assert own[CA] == (Outcome.FAILED, ("chip.ca_key_not_covered",))
    assert own["chip.hashes"] == (Outcome.FAILED, ("chip.hash_mismatch",))

    challenge, response = asked(storage, cloned)
    borrowed = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert borrowed[CA] == (Outcome.FAILED, ("chip.ca_invalid",))


def test_a_clone_without_the_key_is_refused(card, storage, judge):
    challenge = issue_challenge(storage.nonces, dg14=dg14_of(card))
    response = answer_chip_authentication(card.clone_with_own_key(), challenge.chip_authentication)
    found = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert found[CA] == (Outcome.FAILED, ("chip.ca_invalid",))


def test_a_wrong_checksum_is_refused_at_every_octet(card, storage, judge):
    for position in (0, 3, 5, 8, -3):
        challenge, response = asked(storage, card)
        damaged = bytearray(response)
        damaged[position] ^= 1
        found = judge(case_of(card, chip_authentication_response=bytes(damaged)), challenge.id)
        assert found[CA] == (Outcome.FAILED, ("chip.ca_invalid",)), position


@pytest.mark.parametrize("response", [b"", b"\x90\x00", b"\x69\x88", bytes(70_000)])
def test_what_is_no_answer_fails(card, storage, judge, response):
    challenge = issue_challenge(storage.nonces, dg14=dg14_of(card))
    found = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert found[CA] == (Outcome.FAILED, ("chip.ca_invalid",))


def test_the_answer_under_the_phones_own_session_is_none(card, storage, judge):
    """A phone that keeps the agreement from the chip and answers from its own session."""
    challenge = issue_challenge(storage.nonces, dg14=dg14_of(card))
    chip = CardSimulator(card)
    run_program(FileReader(PlainChannel()).select_application(), chip)
    session = run_program(establish_bac(MrzKey(*card.mrz_key), random=SystemRandom()), chip)
    command = challenge.chip_authentication.agreement_commands[0]
    protected = session.messaging.protect(command)
    response = chip.transceive(protected.encode())
    found = judge(case_of(card, chip_authentication_response=response), challenge.id)
    assert found[CA] == (Outcome.FAILED, ("chip.ca_invalid",))


def test_a_proof_that_holds_is_not_undone_by_the_other(card, storage, judge):
    challenge, response = asked(storage, card)
    case = case_of(
        card, active_authentication_signature=bytes(64), chip_authentication_response=response
    )
    found = judge(case, challenge.id)
    assert found[AA] == (Outcome.FAILED, ("chip.aa_invalid",))
    assert found[GENUINE] == PASSED


def test_only_a_profile_that_says_so_takes_either_proof(card, storage, sim_issuer, clock):
    challenge, response = asked(storage, card)
    trust = TrustStore.from_certificates([sim_issuer.csca_certificate_der], source="test")
    case = case_of(card, chip_authentication_response=response)
    found = judge_chip(
        case, trust=trust, storage=storage, challenge_id=challenge.id, now=clock.now()
    )

    def chip_part(profile_id):
        profile = load_profile(profile_id)
        return replace(
            profile, required=tuple(c for c in profile.required if c.startswith("chip."))
        )

    assert decide(chip_part("passport-identity"), found.checks).verdict is Verdict.ACCEPT
    strict = decide(chip_part("identity"), found.checks)
    assert strict.verdict is Verdict.REVIEW
    assert strict.blocking == (AA,)


# -- the secret


def test_a_secret_gives_other_keys_for_other_files_and_never_shows(card):
    secret = bytes(range(SECRET_BYTES))
    file = dg14_of(card)
    challenge = derive_chip_authentication(secret, file)
    again = derive_chip_authentication(secret, file)
    other = derive_chip_authentication(bytes(SECRET_BYTES), file)
    clone = card.clone_with_own_key()
    elsewhere = derive_chip_authentication(secret, own_dg14(clone))
    publics = {c.public for c in (challenge, again, other, elsewhere)}
    assert challenge.public == again.public
    assert len(publics) == 3
    assert derive_nonce(secret) == derive_nonce(secret) != derive_nonce(bytes(SECRET_BYTES))
    assert str(challenge.private.reveal()) not in repr(challenge)


def test_what_the_caller_gets_does_not_hold_the_secret(card, storage):
    issued = issue_challenge(storage.nonces, dg14=dg14_of(card))
    with storage._engine.begin() as connection:
        (secret,) = connection.exec_driver_sql("SELECT nonce FROM nonces").one()
    assert len(secret) == SECRET_BYTES
    assert secret.hex() not in str(issued.as_json())
    assert secret.hex() not in repr(issued)


def test_a_spent_secret_is_stored_no_longer(card, storage, judge):
    challenge, response = asked(storage, card)
    judge(case_of(card, chip_authentication_response=response), challenge.id)
    with storage._engine.begin() as connection:
        (left,) = connection.exec_driver_sql("SELECT nonce FROM nonces").one()
    assert left == b""


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_refused(length):
    with pytest.raises(InputError) as error:
        derive_nonce(bytes(length))
    assert error.value.code == "chip.upload_secret"


@pytest.mark.parametrize(
    ("file", "kind", "code"),
    [
        (bytes(MAX_DG14_BYTES + 1), LimitError, "chip.file_too_large"),
        (b"", ChipError, None),
        (b"\x6e\x05\x31\x01", ChipError, None),
        (b"\x6e\x02\x31\x00", InputError, "chip.ca_not_supported"),
    ],
)
def test_a_file_that_offers_nothing_gets_no_challenge(storage, file, kind, code):
    with pytest.raises(kind) as error:
        issue_challenge(storage.nonces, dg14=file)
    assert code in (None, error.value.code)
    with storage._engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM nonces").scalar_one() == 0


def test_the_offer_is_the_key_of_the_file(card):
    offer = chip_authentication_offer(dg14_of(card))
    assert offer.key in chip_authentication_keys(parse_dg14(dg14_of(card)))


def _integer(number):
    return der.encode(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def dh_dg14(group, public):
    """PKCS #3 names no subgroup."""
    named = der.encode(6, encode_oid("1.2.840.113549.1.3.1"))
    algorithm = der.encode(0x30, named, der.encode(0x30, _integer(group.p), _integer(group.g)))
    key = der.encode(0x30, algorithm, der.encode(3, b"\0", _integer(public)))
    arc = der.encode(6, encode_oid("0.4.0.127.0.7.2.2.1.1"))
    return der.encode(0x6E, der.encode(0x31, der.encode(0x30, arc, key)))


def test_a_prime_without_an_order_gets_a_short_exponent():
    """A chip of our own making agrees all the same."""
    group, theirs = STANDARD_GROUPS[2], 0x1234567
    dg14 = dh_dg14(group, pow(group.g, theirs, group.p))
    challenge = derive_chip_authentication(bytes(SECRET_BYTES), dg14)
    assert challenge.info.name == "CA-DH-3DES"
    assert 600 < challenge.private.reveal().bit_length() <= 641
    ours = int.from_bytes(challenge.public, "big")
    shared = pow(ours, theirs, group.p).to_bytes(group.octets, "big")
    messaging = SecureMessaging(SessionKeys.derive(challenge.info.suite, shared))
    expected = messaging.protect(CommandApdu(0, 0xA4, 2, 12, b"\1\x0e"))
    assert challenge.first_command == expected


def test_a_key_that_shares_no_secret_proves_nothing():
    """Of order three: with every third exponent the shared secret is the neutral element."""
    group = next(g for g in map(STANDARD_GROUPS.get, range(3)) if g.p % 3 == 1)
    public = next(h for x in range(2, 50) if (h := pow(x, (group.p - 1) // 3, group.p)) != 1)
    dg14 = dh_dg14(group, public)
    challenges = (
        derive_chip_authentication(bytes([number]) * SECRET_BYTES, dg14) for number in range(40)
    )
    challenge = next(c for c in challenges if c.private.reveal() % 3 == 0)
    with pytest.raises(TrustError) as error:
        ChipAuthExchange(challenge=challenge, response=b"\x99\x02\x90\x00\x90\x00").verify()
    assert error.value.code == "chip.ca_invalid"
