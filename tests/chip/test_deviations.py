"""Deviation lists against whole documents: which ones they concern, and what an answer is worth whose key is known."""

import pytest

from ekyc.chip import inspect_chip
from ekyc.chip.files import ElementaryFile
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.pki.anchors import InstalledDeviationList
from ekyc.pki.deviations import (
    AA_KEY_COMPROMISED,
    Deviation,
    DeviationDescription,
    DeviationList,
)
from ekyc.values import Sha256Hex

AA, CHAIN = "chip.active_authentication", "chip.chain"
DG_MALFORMED = "2.23.136.1.1.7.2.1"


@pytest.fixture
def listing(trust, clock):
    """A trust store with one deviation list of the card's own state."""

    def build(*deviations, country="VN"):
        signer = trust.anchors[0].certificate
        listed = DeviationList(
            encoded=b"",
            sha256=Sha256Hex("0" * 64),
            signer=signer,
            signed_at=clock.now(),
            deviations=deviations,
        )
        installed = InstalledDeviationList(
            country=country, sha256=listed.sha256, load=lambda: listed
        )
        return TrustStore(trust.anchors, deviation_lists=[installed])

    return build


def compromised(kind=AA_KEY_COMPROMISED, **criteria):
    return Deviation(descriptions=(DeviationDescription(type=kind),), **criteria)


@pytest.fixture
def this_signer(card, inspect):
    signer = inspect(card).passive_authentication.signature.evidence.signer
    return {"signer_key_identifier": signer.subject_key_identifier}


def judged(report, check_id):
    check = report.check(check_id)
    return check.outcome, check.reasons


def test_an_answer_by_a_compromised_key_does_not_count(card, inspect, listing, this_signer):
    report = inspect(card, trust=listing(compromised(**this_signer)))
    assert judged(report, AA) == (Outcome.INDETERMINATE, ("chip.aa_key_compromised",))
    assert report.active_authentication is None
    assert judged(report, CHAIN) == (Outcome.PASSED, ("chip.deviation_listed",))


def test_another_deviation_leaves_the_answer_alone(card, inspect, listing, this_signer):
    report = inspect(card, trust=listing(compromised(DG_MALFORMED, **this_signer)))
    assert judged(report, AA) == (Outcome.PASSED, ())
    assert judged(report, CHAIN) == (Outcome.PASSED, ("chip.deviation_listed",))


def test_a_wrong_answer_stays_wrong(card, inspect, listing, this_signer):
    report = inspect(
        card, answering=card.clone_with_own_key(), trust=listing(compromised(**this_signer))
    )
    assert judged(report, AA) == (Outcome.FAILED, ("chip.aa_invalid",))


def number_of(card):
    return card.mrz_key[0]


@pytest.mark.parametrize(
    ("criteria", "concerned"),
    [
        ({"document_numbers": "own"}, True),
        ({"document_numbers": frozenset({"999999999"})}, False),
        ({"document_type": "ID"}, True),
        ({"document_type": "ID<"}, True),
        ({"document_type": "P<"}, False),
        ({"document_type": "ID", "document_numbers": frozenset({"999999999"})}, False),
        ({"document_type": "P<", "document_numbers": "own"}, False),
    ],
)
@pytest.mark.parametrize("named", [False, True], ids=["any signer", "this signer"])
def test_numbers_and_types_are_held_against_the_zone(
    card, inspect, listing, this_signer, criteria, concerned, named
):
    """Before the zone was read, an entry with a number stood for all documents of its signer, or for none."""
    if criteria.get("document_numbers") == "own":
        criteria = criteria | {"document_numbers": frozenset({number_of(card)})}
    entry = compromised(**criteria, **(this_signer if named else {}))
    report = inspect(card, trust=listing(entry))
    assert (report.check(AA).outcome is Outcome.INDETERMINATE) is concerned
    assert ("chip.deviation_listed" in report.check(CHAIN).reasons) is concerned
    assert bool(report.passive_authentication.chain.chain.deviations) is concerned


def test_a_zone_that_nobody_vouches_for_takes_no_document_off_the_list(
    card, inspect, listing, this_signer
):
    """Whoever alters DG1 so that its number is not listed gains nothing."""
    entry = compromised(document_numbers=frozenset({number_of(card)}), **this_signer)
    report = inspect(card.without(ElementaryFile.DG1), trust=listing(entry))
    assert report.check(AA).outcome is Outcome.INDETERMINATE


def test_a_list_of_another_state_says_nothing(card, inspect, listing, this_signer):
    report = inspect(card, trust=listing(compromised(**this_signer), country="DE"))
    assert judged(report, AA) == (Outcome.PASSED, ())


def test_without_a_chain_no_deviation_is_shown(card, clock, this_signer):
    report = inspect_chip(card.files, trust=TrustStore(), at=clock.now())
    assert report.passive_authentication.chain.chain.deviations == ()
