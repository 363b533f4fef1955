"""What the two groups say, joined and held against each other."""

from dataclasses import replace
from datetime import date

import pytest

from ekyc.chip.identity import build_identity, compare_dg1_with_dg13
from ekyc.chip.lds.dg1 import parse_dg1
from ekyc.chip.lds.dg13 import parse_dg13
from ekyc.chip.report import identity_as_json
from ekyc.chip.sim.files import build_dg1, build_dg13
from ekyc.mrz import build_td1
from ekyc.outcomes import Outcome
from ekyc.pki import der

TODAY = date(2026, 1, 15)


def dg1_of(citizen):
    return parse_dg1(build_dg1(citizen))


def dg13_of(citizen):
    return parse_dg13(build_dg13(citizen))


def identity_of(dg1, dg13):
    identity = build_identity(dg1, dg13, today=TODAY)
    assert identity
    return identity


def test_both_groups(citizen):
    identity = identity_of(dg1_of(citizen), dg13_of(citizen))
    assert identity_as_json(identity) == {
        "issuer": "VNM",
        "document_number": "185012345",
        "personal_number": "048185012345",
        "full_name": "NGUYỄN THỊ MẪU",
        "birth_date": "1985-04-19",
        "sex": "F",
        "nationality": "Việt Nam",
        "ethnicity": "Kinh",
        "religion": "Không",
        "place_of_origin": citizen.origin,
        "place_of_residence": citizen.residence,
        "identifying_features": citizen.features,
        "issue_date": "2023-08-21",
        "expiry_date": "2045-04-19",
        "parents": ["NGUYỄN VĂN MẪU", "LÊ THỊ MẪU"],
        "spouse": ["TRẦN VĂN MẪU"],
        "old_number": "201234567",
    }


def test_zone_alone(citizen):
    identity = identity_of(dg1_of(citizen), None)
    assert identity_as_json(identity) == {
        "issuer": "VNM",
        "document_number": "185012345",
        "personal_number": "048185012345",
        "full_name": "NGUYEN THI MAU",
        "birth_date": "1985-04-19",
        "sex": "F",
        "nationality": "VNM",
        "expiry_date": "2045-04-19",
    }


def test_neither_group():
    assert build_identity(None, None, today=TODAY) is None


def test_card_that_never_expires(citizen):
    """DG13 says it in words; the 991231 of the zone is no date then."""
    ageless = replace(citizen, expiry_date=None)
    identity = identity_of(dg1_of(ageless), dg13_of(ageless))
    assert identity.expiry_date is None
    assert identity.expiry_text
    assert identity.expiry_text.reveal() == "Không thời hạn"
    assert compare_dg1_with_dg13(dg1_of(ageless), dg13_of(ageless)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("born", "expected"),
    [(date(2025, 12, 31), 2025), (date(1930, 1, 1), 1930), (date(2010, 6, 1), 2010)],
)
def test_century_of_the_birth_year(citizen, born, expected):
    identity = identity_of(dg1_of(replace(citizen, birth_date=born)), None)
    assert identity.birth_date
    assert identity.birth_date.reveal().year == expected


def test_agreement(citizen):
    finding = compare_dg1_with_dg13(dg1_of(citizen), dg13_of(citizen))
    assert (finding.outcome, finding.reasons) == (Outcome.PASSED, ())


@pytest.mark.parametrize(
    ("change", "subjects"),
    [
        ({"full_name": "NGUYỄN THỊ MẨY"}, ("full_name",)),
        ({"birth_date": date(1985, 4, 20)}, ("birth_date",)),
        ({"sex": "M"}, ("sex",)),
        ({"expiry_date": date(2046, 4, 19)}, ("expiry_date",)),
        ({"personal_number": "048185012346"}, ("document_number", "personal_number")),
        ({"personal_number": "049185012345"}, ("personal_number",)),
    ],
)
def test_contradictions_are_named(citizen, change, subjects):
    finding = compare_dg1_with_dg13(dg1_of(citizen), dg13_of(replace(citizen, **change)))
    assert (finding.outcome, finding.reasons) == (Outcome.FAILED, ("chip.dg1_dg13_differ",))
    assert finding.subjects == subjects


@pytest.mark.parametrize(
    "name",
    [
        "ĐẶNG THỊ ÁNH ĐÀO",
        "TÔN NỮ HOÀNG PHƯƠNG NGUYỆT MINH CHÂU ANH",
        "CÔNG TẰNG TÔN NỮ THỊ HƯƠNG GIANG",
        "A Ô",
    ],
)
def test_names_with_diacritics_and_names_cut_in_the_zone(citizen, name):
    named = replace(citizen, full_name=name)
    assert compare_dg1_with_dg13(dg1_of(named), dg13_of(named)).outcome is Outcome.PASSED


def test_a_short_name_may_not_be_a_mere_prefix(citizen):
    longer = replace(citizen, full_name="NGUYỄN THỊ MẪU ANH")
    assert compare_dg1_with_dg13(dg1_of(citizen), dg13_of(longer)).outcome is Outcome.FAILED


def test_surname_and_given_names_may_be_split_elsewhere(citizen):
    """The zone of a genuine card may treat two words as the surname."""
    zone = build_td1(
        document_number="185012345",
        optional_1="048185012345<<4",
        birth_yymmdd="850419",
        sex="F",
        expiry_yymmdd="450419",
        surname="NGUYEN THI",
        given_names="MAU",
    )
    dg1 = parse_dg1(der.encode(0x61, der.encode(0x5F1F, zone.encode())))
    assert compare_dg1_with_dg13(dg1, dg13_of(citizen)).outcome is Outcome.PASSED


def test_unreadable_name_leaves_it_open(citizen):
    data = build_dg13(citizen).replace("MẪU".encode(), b"M\xff\xfe\xfdU", 1)
    finding = compare_dg1_with_dg13(dg1_of(citizen), parse_dg13(data))
    assert (finding.outcome, finding.reasons) == (
        Outcome.INDETERMINATE,
        ("chip.dg13_unreadable",),
    )
    assert finding.subjects == ("EF.DG13/2",)


def test_identity_hides_itself(citizen):
    shown = repr(build_identity(dg1_of(citizen), dg13_of(citizen), today=TODAY))
    assert "MẪU" not in shown
    assert "048185012345" not in shown
    assert "1985" not in shown
