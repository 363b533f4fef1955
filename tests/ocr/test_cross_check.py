"""Print × zone × QR × chip: the table of verdicts and what the check makes of it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import ChipIdentity
from ekyc.mrz import build_td1, parse_td1, vietnamese_optional_1
from ekyc.ocr.card_facts import Source, Verdict, new_tone_placement
from ekyc.ocr.cards import CardReading
from ekyc.ocr.cross_check import FieldMatch, cross_check_card, judge
from ekyc.ocr.fields import LineSpan, ReadField
from ekyc.ocr.qr import parse_card_qr
from ekyc.outcomes import Outcome
from ekyc.values import Redacted

PRINT = {
    "personal_number": "048185012345",
    "full_name": "NGUYỄN THỊ MẪU",
    "birth_date": "19/04/1985",
    "sex": "Nữ",
    "nationality": "Việt Nam",
    "residence": "Tổ 12 Hòa Thuận Tây, Hải Châu",
    "expiry_date": "19/04/2045",
}
QR = "048185012345||Nguyễn Thị Mẫu|19041985|Nữ|Tổ 12, Hòa Thuận Tây, Hải Châu|21082023"
CHIP = {
    "issuer": "VNM",
    "personal_number": Redacted("048185012345"),
    "full_name": Redacted("Nguyễn Thị Mẫu"),
    "birth_date": Redacted(date(1985, 4, 19)),
    "sex": Redacted("F"),
    "nationality": Redacted("Việt Nam"),
    "place_of_residence": Redacted("Tổ 12, Hòa Thuận Tây, Hải Châu"),
    "issue_date": Redacted(date(2023, 8, 21)),
    "expiry_date": Redacted(date(2045, 4, 19)),
}


def zone(**changes):
    facts = {
        "document_number": "185012345",
        "optional_1": vietnamese_optional_1("048185012345"),
        "birth_yymmdd": "850419",
        "sex": "F",
        "expiry_yymmdd": "450419",
        "surname": "NGUYEN",
        "given_names": "THI MAU",
    }
    return parse_td1(build_td1(**(facts | changes)))


@pytest.fixture
def check(build):
    def run(*, printed=None, confidence=1.0, mrz=None, qr=QR, chip=None):
        fields = tuple(
            ReadField(
                name=name,
                value=Redacted(value),
                confidences=(confidence,) * len(value),
                spans=(LineSpan(line=0, start=0, end=len(value), quad=build.quad(0, 0, 9, 9)),),
            )
            for name, value in (PRINT | (printed or {})).items()
            if value
        )
        reading = CardReading(
            kind="cccd-2021",
            fields=fields,
            mrz=mrz or zone(),
            qr=parse_card_qr(qr) if qr else None,
            checks=(),
            pages=(),
        )
        (result,) = cross_check_card(reading, ChipIdentity(**(CHIP | (chip or {}))))
        return result

    return run


def test_an_honest_card_passes(check):
    result = check()
    assert (result.outcome, result.reasons, result.subjects) == (Outcome.PASSED, (), ())


def test_an_honest_card_passes_without_its_qr_code(check):
    assert check(qr=None).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"printed": {"personal_number": "048185012346"}}, "print.personal_number"),
        ({"printed": {"full_name": "NGUYỄN THỊ MẬN"}}, "print.full_name"),
        ({"printed": {"birth_date": "19/04/1986"}}, "print.birth_date"),
        ({"printed": {"sex": "Nam"}}, "print.sex"),
        ({"printed": {"expiry_date": "19/04/2055"}}, "print.expiry_date"),
        ({"mrz": zone(optional_1=vietnamese_optional_1("048185012346"))}, "mrz.personal_number"),
        ({"mrz": zone(given_names="THI MAN")}, "mrz.full_name"),
        ({"mrz": zone(birth_yymmdd="860419")}, "mrz.birth_date"),
        ({"qr": QR.replace("19041985", "19041986")}, "qr.birth_date"),
        ({"qr": QR.replace("Mẫu", "Mận")}, "qr.full_name"),
        ({"chip": {"full_name": Redacted("Trần Thị Khác")}}, "mrz.full_name"),
    ],
)
def test_any_critical_difference_fails(check, changes, subject):
    result = check(**changes)
    assert result.outcome is Outcome.FAILED
    assert result.reasons == ("card.differs_from_chip",)
    assert subject in result.subjects


def test_diacritics_alone_are_for_an_officer(check):
    result = check(printed={"full_name": "NGUYỄN THỊ MẬU"})
    assert result.outcome is Outcome.INDETERMINATE
    assert "card.diacritics_differ_from_chip" in result.reasons
    assert "print.full_name" in result.subjects


def test_an_uncertain_difference_is_no_difference(check):
    result = check(printed={"birth_date": "19/04/1986"}, confidence=0.6)
    assert result.outcome is Outcome.INDETERMINATE
    assert result.reasons == ("card.not_comparable",)


@pytest.mark.parametrize("name", ["personal_number", "full_name", "birth_date"])
def test_what_cannot_be_read_cannot_pass(check, name):
    result = check(printed={name: ""})
    assert result.outcome is Outcome.INDETERMINATE
    assert f"print.{name}" in result.subjects


@pytest.mark.parametrize(
    "printed",
    [
        {"full_name": "Nguyễn  Thị Mẫu"},
        {"full_name": "NGUYỄN THỊMẪU"},
        {"residence": "Hà Nội"},
        {"nationality": "Lào"},
        {"birth_date": "19-04-1985"},
    ],
)
def test_spelling_and_addresses_decide_nothing(check, printed):
    assert check(printed=printed).outcome is Outcome.PASSED


def test_a_name_of_the_zone_in_the_chip_has_no_diacritics(check):
    chip = {"full_name": Redacted("NGUYEN THI MAU"), "issue_date": None}
    assert check(chip=chip).outcome is Outcome.PASSED


def test_an_ascii_name_of_dg13_is_taken_at_its_word(check):
    chip = {"full_name": Redacted("Nguyen Thi Mau")}
    assert check(chip=chip).outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize(
    ("old", "new"),
    [("HÒA", "HOÀ"), ("Thủy", "Thuỷ"), ("khỏe", "khoẻ"), ("QUÝ", "QUÝ"), ("HOÀNG", "HOÀNG")],
)
def test_old_and_new_tone_placement_are_one_spelling(old, new):
    assert new_tone_placement(old) == new


matches = st.builds(
    FieldMatch,
    field=st.sampled_from(["personal_number", "full_name", "birth_date", "sex", "residence"]),
    source=st.sampled_from([Source.PRINT, Source.MRZ, Source.QR]),
    verdict=st.sampled_from(list(Verdict)),
)


@given(st.lists(matches, max_size=12))
def test_pass_needs_every_required_print_and_no_open_question(found):
    result = judge(tuple(found))
    critical = [m for m in found if m.field != "residence"]
    equal = {m.field for m in critical if m.source is Source.PRINT and m.verdict is Verdict.EQUAL}
    if any(m.verdict is Verdict.DIFFERS for m in critical):
        assert result.outcome is Outcome.FAILED
    elif result.outcome is Outcome.PASSED:
        assert {"personal_number", "full_name", "birth_date"} <= equal
        assert {m.verdict for m in critical} <= {Verdict.EQUAL, Verdict.ABSENT}
    else:
        assert result.outcome is Outcome.INDETERMINATE


@given(st.lists(matches, max_size=10), matches)
def test_a_further_statement_never_turns_a_failure_into_a_pass(found, further):
    if judge(tuple(found)).outcome is Outcome.FAILED:
        assert judge((*found, further)).outcome is Outcome.FAILED
