from datetime import date

import pytest

from ekyc.errors import InputError
from ekyc.mrz import check_digit, parse_td1, strip_diacritics
from ekyc.samples import (
    SampleBirth,
    SampleCitizen,
    Sex,
    personal_number,
)

# Written out by hand from the rule of Circular 07/2016/TT-BCA article 7.
CENTURY_MARKS = [
    (1985, Sex.MALE, "0"),
    (1985, Sex.FEMALE, "1"),
    (2024, Sex.MALE, "2"),
    (2024, Sex.FEMALE, "3"),
    (2399, Sex.FEMALE, "9"),
]


@pytest.mark.parametrize(("year", "sex", "mark"), CENTURY_MARKS)
def test_the_personal_number_states_century_and_sex(year, sex, mark):
    number = personal_number(province="048", birth_date=date(year, 6, 1), sex=sex, serial="000001")
    assert number == f"048{mark}{year % 100:02d}000001"


@pytest.mark.parametrize(
    ("province", "serial", "year"),
    [("48", "000001", 1985), ("048", "1", 1985), ("04X", "000001", 1985), ("048", "000001", 1899)],
)
def test_a_malformed_personal_number_is_refused(province, serial, year):
    with pytest.raises(InputError) as caught:
        personal_number(province=province, birth_date=date(year, 1, 1), sex=Sex.MALE, serial=serial)
    assert caught.value.code == "sample.personal_number"


@pytest.mark.parametrize("person", [SampleCitizen.default(), SampleBirth.default()])
def test_sample_people_are_marked_and_have_consistent_numbers(person):
    assert "MẪU" in person.full_name
    number = person.personal_number
    assert len(number) == 12
    assert number.startswith("048")
    assert int(number[3]) == 2 * (person.birth_date.year // 100 - 19) + (person.sex is Sex.FEMALE)
    assert number[4:6] == f"{person.birth_date:%y}"


def test_the_mrz_of_the_citizen_parses_and_says_the_same():
    citizen = SampleCitizen.default()
    mrz = parse_td1("\n".join(citizen.mrz_lines()))
    assert mrz.document_number == citizen.personal_number[-9:]
    assert mrz.optional_1.startswith(citizen.personal_number)
    assert mrz.optional_1[-1] == check_digit(citizen.personal_number)
    assert mrz.full_name == strip_diacritics(citizen.full_name)
    assert (mrz.birth_yymmdd, mrz.expiry_yymmdd, mrz.sex) == ("850419", "450419", "F")


def test_the_qr_payload_has_seven_fields_in_the_order_of_the_card():
    citizen = SampleCitizen.default()
    assert citizen.qr_payload().split("|") == [
        "048185012345",
        "201234567",
        "Nguyễn Thị Mẫu",
        "19041985",
        "Nữ",
        citizen.residence,
        "21082023",
    ]


def test_the_child_belongs_to_the_citizen():
    citizen, birth = SampleCitizen.default(), SampleBirth.default()
    assert birth.mother.full_name == citizen.full_name
    assert birth.father.full_name == citizen.spouse_name
    assert citizen.personal_number in birth.declarant_paper
    assert birth.date_as_printed == f"{birth.birth_date:%d/%m/%Y}"
