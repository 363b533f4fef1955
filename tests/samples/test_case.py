"""Whole sample cases: honest ones hold together, and each attack changes exactly what it says."""

import tomllib
from datetime import UTC, datetime

import numpy as np
import pytest

from ekyc.chip import (
    ActiveAuthenticationExchange,
    ChipAuthExchange,
    ChipAuthRequest,
    ChipFiles,
    ElementaryFile,
    derive_chip_authentication,
    inspect_chip,
)
from ekyc.chip.sim import SimulatedIssuer
from ekyc.errors import InputError
from ekyc.flows import load_case
from ekyc.imaging.decode import decode_image
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.samples import ATTACKS, FacePicture, SampleCitizen, build_case, find_attack, make_case
from ekyc.values import BoxPx

NONCE = bytes(range(8))
IN_CASE = [attack for attack in ATTACKS.values() if attack.changes_case]


def photograph(level):
    rows, columns = np.mgrid[0:400, 0:500]
    image = np.stack([columns // 2, rows // 2, np.full_like(rows, level)], axis=2)
    return FacePicture(
        image=image.astype(np.uint8), face=BoxPx(left=200, top=110, right=300, bottom=230)
    )


@pytest.fixture(scope="module")
def issuer():
    return SimulatedIssuer.create()


@pytest.fixture(scope="module")
def build(issuer):
    def build(attack=None, selfie=None, seed=1):
        return build_case(
            citizen=SampleCitizen.default(),
            portrait=photograph(120),
            selfie=selfie or photograph(120),
            issuer=issuer,
            nonce=NONCE,
            attack=attack,
            seed=seed,
        )

    return build


@pytest.fixture(scope="module")
def honest(build):
    return build()


@pytest.fixture(scope="module")
def attacked(build):
    """The files of each attack's case; for the impostor somebody else sits before the camera."""
    return {
        attack.name: build(attack, photograph(60) if attack.name == "impostor" else None).files
        for attack in IN_CASE
    }


def without_keys_of_the_day(files):
    """The files that the same seed repeats; those of the chip hang on fresh keys and signatures."""
    return {name: data for name, data in files.items() if not name.startswith("chip/")}


def test_a_case_loads_and_is_complete(issuer, tmp_path):
    written = make_case(
        tmp_path / "case",
        citizen=SampleCitizen.default(),
        portrait=photograph(120),
        selfie=photograph(120),
        issuer=issuer,
        nonce=NONCE,
    )
    case = load_case(tmp_path / "case")
    assert case.sample
    assert case.profile_id == "demo"
    assert case.active_authentication_signature == written.files["chip/aa-signature.bin"]
    assert len(case.face_frames) == 5
    assert [file.name for file in case.original_pages] == ["documents/original-1.jpg"]
    assert [file.name for file in case.copy_pages] == ["documents/copy-1.jpg"]
    on_disk = {
        path.relative_to(tmp_path / "case").as_posix()
        for path in (tmp_path / "case").rglob("*")
        if path.is_file()
    }
    assert on_disk == set(written.files)


def test_every_picture_of_the_case_decodes(honest):
    for name, data in honest.files.items():
        if name.endswith(".jpg"):
            assert min(decode_image(data, name=name).shape[:2]) >= 700, name


def test_the_case_holds_no_trust_material(honest):
    names = {name.rpartition("/")[2] for name in honest.files if name.startswith("chip/")}
    expected = {f"EF.{file}.bin" for file in ("COM", "SOD", "DG1", "DG2", "DG13", "DG14", "DG15")}
    assert names == expected | {"aa-signature.bin"}


def test_the_same_seed_renders_the_same_pictures(build, honest):
    again, other = build(), build(seed=2)
    assert without_keys_of_the_day(again.files) == without_keys_of_the_day(honest.files)
    changed = {
        name
        for name, data in without_keys_of_the_day(other.files).items()
        if data != honest.files[name]
    }
    assert changed == set(without_keys_of_the_day(honest.files)) - {"case.toml"}


def test_original_and_copy_are_two_scans_of_one_page(honest):
    assert honest.files["documents/original-1.jpg"] != honest.files["documents/copy-1.jpg"]


@pytest.mark.parametrize("attack", IN_CASE, ids=lambda attack: attack.name)
def test_an_attack_changes_only_what_it_names(attack, attacked, honest):
    files = attacked[attack.name]
    one, other = without_keys_of_the_day(files), without_keys_of_the_day(honest.files)
    changed = {name for name in one | other if one.get(name) != other.get(name)}
    assert all(name.startswith(attack.evidence) for name in changed), changed
    outside_chip = {name for name in attack.evidence if not name.startswith("chip/")}
    for evidence in outside_chip:
        assert any(name.startswith(evidence) for name in changed), evidence


CHIP_VERDICTS = {
    None: {},
    "cloned-chip": {"chip.active_authentication": Outcome.FAILED},
    "altered-dg": {
        "chip.hashes": Outcome.FAILED,
        "chip.dg1_matches_dg13": Outcome.NOT_PERFORMED,
    },
    "stripped-evidence": {"chip.active_authentication": Outcome.NOT_PERFORMED},
    "foreign-signer": {"chip.chain": Outcome.INDETERMINATE},
}


@pytest.mark.parametrize("name", CHIP_VERDICTS)
def test_the_chip_of_an_attack_fails_where_it_must_and_nowhere_else(
    name, issuer, honest, attacked, tmp_path
):
    files = attacked[name] if name else honest.files
    anchor = tmp_path / "csca.pem"
    anchor.write_bytes(issuer.csca_certificate_pem)
    chip = {path[5:]: data for path, data in files.items() if path.startswith("chip/EF.")}
    signature = files.get("chip/aa-signature.bin", b"")
    report = inspect_chip(
        ChipFiles.from_mapping(chip),
        trust=TrustStore.load([anchor]),
        challenge=ActiveAuthenticationExchange(nonce=NONCE, signature=signature),
        at=datetime.now(UTC),
    )
    stopped = {
        check.id: check.outcome for check in report.checks if check.outcome is not Outcome.PASSED
    }
    unasked = {
        "chip.chip_authentication": Outcome.NOT_PERFORMED
    }  # an upload of files asks no key of DG14
    assert stopped == CHIP_VERDICTS[name] | unasked
    if name:
        (check,) = [c for c in report.checks if c.id == ATTACKS[name].stopped_by]
        family = ATTACKS[name].reason_family
        assert all(reason.startswith(f"{family}.") for reason in check.reasons)


def test_stripping_leaves_the_rest_of_the_chip_and_says_nothing_of_a_signature(attacked, honest):
    stripped = attacked["stripped-evidence"]
    gone = set(honest.files) - set(stripped)
    assert gone == {"chip/EF.DG15.bin", "chip/aa-signature.bin"}
    manifest = tomllib.loads(stripped["case.toml"].decode())
    assert "active_authentication" not in manifest["chip"]


def test_an_altered_data_group_holds_another_name(attacked):
    changed = attacked["altered-dg"]["chip/EF.DG13.bin"]
    assert SampleCitizen.default().full_name.encode() not in changed


def test_attacks_of_the_flow_leave_the_case_honest(build, honest):
    for name in ("tampered-pdf", "replayed-nonce"):
        files = build(ATTACKS[name]).files
        assert without_keys_of_the_day(files) == without_keys_of_the_day(honest.files)


def test_the_ten_attacks_of_the_demonstration_are_listed():
    assert list(ATTACKS) == [
        "cloned-chip",
        "altered-dg",
        "stripped-evidence",
        "foreign-signer",
        "impostor",
        "screen-replay",
        "portrait-injection",
        "altered-copy",
        "tampered-pdf",
        "replayed-nonce",
    ]
    assert all(name == attack.name for name, attack in ATTACKS.items())
    assert all(attack.vi and attack.en for attack in ATTACKS.values())


def test_an_unknown_attack_is_refused_with_the_known_ones():
    with pytest.raises(InputError) as caught:
        find_attack("bribery")
    assert caught.value.code == "sample.unknown_attack"
    assert "cloned-chip" in caught.value.message


def test_a_case_may_prove_its_chip_by_chip_authentication(tmp_path):
    secret = bytes(range(32))
    seen = photograph(90)
    issuer = SimulatedIssuer.create()
    make_case(
        tmp_path,
        citizen=SampleCitizen.default(),
        portrait=seen,
        selfie=seen,
        issuer=issuer,
        nonce=NONCE,
        ask_verifier=lambda dg14: ChipAuthRequest.of(derive_chip_authentication(secret, dg14)),
    )
    case = load_case(tmp_path)
    assert case.active_authentication_signature is None
    assert not (tmp_path / "chip/aa-signature.bin").exists()
    exchange = ChipAuthExchange(
        challenge=derive_chip_authentication(secret, case.chip.get(ElementaryFile.DG14)),
        response=case.chip_authentication_response,
    )
    report = inspect_chip(
        case.chip,
        trust=TrustStore.from_certificates([issuer.csca_certificate_der], source="test"),
        chip_authentication=exchange,
        at=datetime.now(UTC),
    )
    assert report.check("chip.chip_authentication").outcome is Outcome.PASSED
