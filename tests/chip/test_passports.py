"""Whole documents beyond the card: passports with additional groups, and security objects of every kind."""

from datetime import UTC, date, datetime

import pytest

from ekyc.chip import (
    ChainVerdict,
    ChipFiles,
    Coverage,
    ElementaryFile,
    chip_report_as_json,
    details_as_json,
    identity_as_json,
    inspect_chip,
    inspect_signed_file,
    inspect_sod,
)
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.sim import SimulatedIssuer
from ekyc.chip.sim.files import build_dg2, build_dg13, build_security_object
from ekyc.errors import ChipError
from ekyc.imaging.decode import decode_image
from ekyc.mrz import build_td2, build_td3
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore, der

AT = datetime(2026, 6, 15, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0 no picture \xff\xd9"
BEARER = {
    "document_number": "C1234567",
    "birth_yymmdd": "300419",
    "sex": "F",
    "expiry_yymmdd": "330419",
    "surname": "NGUYEN",
    "given_names": "THI MAU",
}


def text(tag, value):
    return der.encode(tag, value.encode())


def dg1(zone):
    return der.encode(0x61, text(0x5F1F, zone))


DG11 = der.encode(
    0x6B,
    text(0x5F0E, "NGUYỄN<<THỊ<MẪU"),
    text(0x5F2B, "19300419"),
    text(0x5F13, "GIÁO<VIÊN"),
    text(0x5F11, "ĐÀ NẴNG<VIỆT NAM"),
)
DG12 = der.encode(0x6C, text(0x5F19, "CỤC QUẢN LÝ<XUẤT NHẬP CẢNH"), text(0x5F26, "20230420"))
DG16 = der.encode(0x70, b"\x02\x01\x01", der.encode(0xA1, text(0x5F51, "TRAN<<VAN<MAU")))


@pytest.fixture(scope="module")
def passport(issuer):
    def make(groups, **changes):
        zone = build_td3(**(BEARER | {"personal_number": "048130012345"} | changes))
        held = {1: dg1(zone), 2: build_dg2(JPEG)} | groups
        files = {f"EF.DG{number}": data for number, data in held.items()}
        sod = issuer.sign_security_object(build_security_object(held))
        return ChipFiles.from_mapping(files | {"EF.SOD": sod})

    return make


@pytest.fixture(scope="module")
def inspected(trust, clock):
    return lambda files: inspect_chip(files, trust=trust, at=clock.now())


def test_vietnamese_passport_yields_an_identity(passport, inspected):
    report = inspected(passport({}))
    assert report.chain_verdict is ChainVerdict.CHAINED
    assert identity_as_json(report.identity) == {
        "issuer": "VNM",
        "document_number": "C1234567",
        "personal_number": "048130012345",
        "full_name": "NGUYEN THI MAU",
        "birth_date": "1930-04-19",
        "sex": "F",
        "nationality": "VNM",
        "expiry_date": "2033-04-19",
    }
    agreement = report.check("chip.dg1_matches_dg13")
    assert (agreement.outcome, agreement.reasons) == (Outcome.NOT_PERFORMED, ("chip.dg13_missing",))


def test_additional_groups_add_what_they_agree_on(passport, inspected):
    report = inspected(passport({11: DG11, 12: DG12}))
    identity = report.identity
    assert identity.full_name.reveal() == "NGUYỄN THỊ MẪU"
    assert identity.birth_date.reveal() == date(1930, 4, 19)
    assert identity.issue_date.reveal() == date(2023, 4, 20)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"surname": "TRAN"}, "full_name"), ({"birth_yymmdd": "310419"}, "birth_date")],
)
def test_additional_groups_contradict_no_zone(passport, inspected, change, field):
    identity = inspected(passport({11: DG11}, **change)).identity
    assert str(getattr(identity, field).reveal()) in {"TRAN THI MAU", "1931-04-19"}


def test_groups_that_nobody_signed_add_nothing(passport, inspected):
    files = passport({}).with_file(ElementaryFile.DG11, DG11)
    report = inspected(files.with_file(ElementaryFile.DG12, DG12))
    assert report.identity.full_name.reveal() == "NGUYEN THI MAU"
    assert report.identity.issue_date is None
    assert (report.details.dg11, report.details.dg12) == (None, None)
    assert report.check("chip.hashes").reasons == ("chip.not_covered",)


def test_details_are_shown_only_by_the_function_that_says_so(passport, inspected):
    report = inspected(passport({11: DG11, 12: DG12, 16: DG16}))
    assert details_as_json(report.details) == {
        "EF.DG11": {
            "full_name": "NGUYỄN THỊ MẪU",
            "place_of_birth": ["ĐÀ NẴNG", "VIỆT NAM"],
            "profession": "GIÁO VIÊN",
            "birth_date": "1930-04-19",
        },
        "EF.DG12": {
            "issuing_authority": "CỤC QUẢN LÝ XUẤT NHẬP CẢNH",
            "issue_date": "2023-04-20",
        },
        "EF.DG16": [{"name": "TRAN VAN MAU"}],
    }
    shown = repr(report) + repr(report.details) + str(chip_report_as_json(report))
    for secret in ("GIÁO", "NGUYEN", "NGUYỄN", "TRAN", "19300419", "1930-04", "C1234567"):
        assert secret not in shown


def test_contents_count_and_name_without_telling(passport, inspected):
    broken = der.encode(0x6B, text(0x5F0E, "A<<B"), text(0x5F2B, "19301399"), text(0x5F7A, "?"))
    contents = chip_report_as_json(inspected(passport({11: broken})))["contents"]
    assert contents["EF.DG1"]["formats"] == ["TD3"]
    assert contents["EF.DG2"] == {
        "formats": ["ISO/IEC 19794-5:2005", "JPEG"],
        "count": 1,
        "unreadable": [],
        "unknown": [],
    }
    assert contents["EF.DG11"] == {
        "formats": [],
        "count": 1,
        "unreadable": ["5F2B"],
        "unknown": ["5F7A"],
    }


def test_a_part_that_cannot_be_read_is_remarked(passport, inspected):
    broken = der.encode(0x6B, text(0x5F0E, "A<<B"), text(0x5F2B, "19301399"))
    structure = inspected(passport({11: broken})).check("chip.structure")
    assert (structure.outcome, structure.reasons) == (Outcome.PASSED, ("chip.part_unreadable",))
    assert structure.subjects == ("EF.DG11/5F2B",)


def test_td2_document(issuer, inspected):
    held = {1: dg1(build_td2(**BEARER)), 2: build_dg2(JPEG)}
    files = {f"EF.DG{number}": data for number, data in held.items()}
    sod = issuer.sign_security_object(build_security_object(held))
    report = inspected(ChipFiles.from_mapping(files | {"EF.SOD": sod}))
    assert report.identity.document_number.reveal() == "C1234567"
    assert chip_report_as_json(report)["contents"]["EF.DG1"]["formats"] == ["TD2"]


def test_foreign_passport(citizen, clock):
    """DG13 of another state means what that state says; its optional data are no personal number."""
    german = SimulatedIssuer.create(country="DE", clock=clock)
    zone = build_td3(**(BEARER | {"issuer": "D", "personal_number": "048130012345"}))
    held = {1: dg1(zone), 2: build_dg2(JPEG), 13: der.encode(0x6D, b"anything at all")}
    files = {f"EF.DG{number}": data for number, data in held.items()}
    sod = german.sign_security_object(build_security_object(held))
    report = inspect_chip(
        ChipFiles.from_mapping(files | {"EF.SOD": sod}),
        trust=TrustStore.from_certificates([german.csca_certificate_der]),
        at=clock.now(),
    )
    assert report.chain_verdict is ChainVerdict.CHAINED
    assert report.check("chip.structure").outcome is Outcome.PASSED
    assert report.check("chip.dg1_matches_dg13").reasons == ("chip.dg13_not_expected",)
    assert report.identity.issuer == "D"
    assert report.identity.personal_number is None


def test_vietnamese_passport_with_dg13_compares_what_both_state(passport, inspected, citizen):
    """The passport's own number is not the end of the personal number; that is no contradiction."""
    changes = {
        "birth_yymmdd": "850419",
        "expiry_yymmdd": "450419",
        "personal_number": citizen.personal_number,
    }
    report = inspected(passport({13: build_dg13(citizen)}, **changes))
    assert report.check("chip.dg1_matches_dg13").outcome is Outcome.PASSED
    other = inspected(passport({13: build_dg13(citizen)}, **(changes | {"sex": "M"})))
    assert other.check("chip.dg1_matches_dg13").subjects == ("sex",)


def test_signed_zone_that_cannot_be_read_leaves_the_country_open(issuer, inspected):
    """Else a state could sign for another by writing a zone that nobody can read."""
    zone = build_td3(**BEARER)
    held = {1: dg1(zone[:-1] + str((int(zone[-1]) + 1) % 10)), 2: build_dg2(JPEG)}
    files = {f"EF.DG{number}": data for number, data in held.items()}
    sod = issuer.sign_security_object(build_security_object(held))
    report = inspected(ChipFiles.from_mapping(files | {"EF.SOD": sod}))
    assert "chip.country_unknown" in report.check("chip.chain").reasons
    assert report.check("chip.chain").outcome is Outcome.INDETERMINATE


VERSION_INFO = der.encode(0x30, text(0x13, "0108"), text(0x13, "040000"))


def version_1(content, info=VERSION_INFO):
    whole = der.single(content, 0x30)
    return der.encode(0x30, b"\x02\x01\x01", content[whole.content + 3 :], info)


def test_security_object_of_version_1(issuer, trust, clock):
    content = build_security_object({1: b"a", 2: b"b"})
    sod = parse_sod(issuer.sign_security_object(version_1(content)))
    assert (sod.version, sod.lds_version, sod.unicode_version) == (1, "0108", "040000")
    assert set(sod.security_object.hashes) == {1, 2}
    report = inspect_sod(
        issuer.sign_security_object(version_1(content)), trust=trust, at=clock.now()
    )
    assert report.outcome is Outcome.PASSED
    older = parse_sod(issuer.sign_security_object(content))
    assert (older.version, older.lds_version) == (0, None)


@pytest.mark.parametrize("info", [b"", der.encode(0x30, b""), der.encode(0x30, b"\x13\x01\xff")])
def test_version_1_without_its_versions_is_malformed(issuer, info):
    content = version_1(build_security_object({1: b"a"}), info)
    with pytest.raises(ChipError) as caught:
        parse_sod(issuer.sign_security_object(content))
    assert caught.value.code == "chip.sod_malformed"


SHA3_256 = bytes.fromhex("0609608648016503040208")
SHA_256 = bytes.fromhex("0609608648016503040201")


def unsupported(issuer, kind, files):
    content = build_security_object(files.data_groups)
    if kind == "hash":
        return issuer.sign_security_object(content.replace(SHA_256, SHA3_256))
    if kind == "version":
        return issuer.sign_security_object(content.replace(b"\x02\x01\x00", b"\x02\x01\x02", 1))
    return issuer.sign_security_object(content).replace(SHA_256, SHA3_256)


@pytest.mark.parametrize("kind", ["hash", "version", "digest"])
def test_algorithm_that_is_not_known_is_unsupported_not_damage(issuer, card, trust, clock, kind):
    files = card.files.with_file(ElementaryFile.SOD, unsupported(issuer, kind, card.files))
    report = inspect_chip(files, trust=trust, at=clock.now())
    for check_id in ("chip.structure", "chip.signature", "chip.hashes", "chip.chain"):
        check = report.check(check_id)
        assert (check.outcome, check.reasons) == (
            Outcome.INDETERMINATE,
            ("chip.algorithm_unsupported",),
        )
    assert report.chain_verdict is ChainVerdict.NO_ANCHOR
    assert (report.identity, report.portrait, report.details) == (None, None, None)
    shown = chip_report_as_json(report)["passive_authentication"]["chain"]
    assert (shown["verdict"], shown["reasons"]) == ("NO_ANCHOR", ["chip.algorithm_unsupported"])
    alone = inspect_signed_file(files.get(ElementaryFile.SOD), trust=trust, at=clock.now())
    assert (alone.outcome, alone.chain_verdict) == (Outcome.INDETERMINATE, ChainVerdict.NO_ANCHOR)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("bsi2008", {3: 2, 4: 2}),
        ("bsi_mustermann_more_dgs", {3: 2, 4: 2, 5: 1, 7: 1, 11: 12, 12: 7}),
        ("loes2006", {}),
    ],
)
def test_specimen_sets_parse_fully_and_their_portraits_decode(shared_data, name, contents):
    files = ChipFiles.from_folder(shared_data / "chip/specimens" / name)
    report = inspect_chip(files, trust=TrustStore(), legacy=True, at=AT)
    structure = report.check("chip.structure")
    assert (structure.outcome, set(structure.reasons)) == (
        Outcome.PASSED,
        {"chip.com_differs"} & set(structure.reasons),
    )
    found = {item.file: item for item in report.contents}
    assert set(found) == set(files.names)
    assert all(not item.unreadable and not item.unknown for item in report.contents)
    for number, count in contents.items():
        assert found[f"EF.DG{number}"].count == count
        assert report.data_groups[number] is not Coverage.MISMATCH
    assert report.identity.full_name
    assert decode_image(report.portrait, name="EF.DG2").shape[2] == 3


@pytest.mark.shared_data
def test_uncovered_details_of_the_specimen_are_kept_back(shared_data):
    files = ChipFiles.from_folder(shared_data / "chip/specimens/bsi_mustermann_more_dgs")
    report = inspect_chip(files, trust=TrustStore(), legacy=True, at=AT)
    assert report.data_groups[11] is Coverage.NOT_COVERED
    assert details_as_json(report.details) == {}
    assert report.identity.full_name.reveal() == "MUSTERMANN ERIKA"
