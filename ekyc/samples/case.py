"""A complete case folder of an invented citizen, honest or with one thing wrong.

The chip files are signed by a simulated issuer whose names say SAMPLE; its CSCA certificate is the operator's matter
and never part of the case (``docs/case.md`` describes the folder).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ekyc.chip import ElementaryFile
from ekyc.chip.sim import CitizenData, SimulatedCard, SimulatedIssuer
from ekyc.imaging.decode import decode_image
from ekyc.imaging.encode import encode_jpeg, encode_jpeg2000
from ekyc.samples.cards import (
    PORTRAIT_BOX,
    photograph_card,
    render_card_back,
    render_card_front,
)
from ekyc.samples.citizen import SampleBirth, SampleCitizen
from ekyc.samples.documents import alter, render_birth_certificate, scan_of
from ekyc.samples.faces import (
    CHIP_PORTRAIT_HEIGHT_PX,
    CHIP_PORTRAIT_WIDTH_PX,
    FacePicture,
    face_in_portrait,
    portrait_of,
    render_face_frames,
    render_screen_replay,
)
from ekyc.samples.phone import answer_chip_authentication

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ekyc.samples.attacks import Attack
    from ekyc.samples.phone import AskVerifier

PROFILE: Final = "demo"
PROFILE_OF_INJECTION: Final = "identity"
FRAME_COUNT: Final = 5
AA_SIGNATURE: Final = "chip/aa-signature.bin"
CA_RESPONSE: Final = "chip/ca-response.bin"

_PROOFS: Final = {
    AA_SIGNATURE: "[chip.active_authentication]\nsignature",
    CA_RESPONSE: "[chip.chip_authentication]\nresponse",
}

_CARD_QUALITY: Final = 92
_PAGE_QUALITY: Final = 85
_FRAME_QUALITY: Final = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCase:
    """The files of a case by their path in its folder."""

    files: Mapping[str, bytes]

    def write(self, folder: Path) -> None:
        """Write all files; folders are made as needed, files of the same name replaced."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def make_case(
    folder: Path,
    *,
    citizen: SampleCitizen,
    portrait: FacePicture,
    selfie: FacePicture,
    issuer: SimulatedIssuer,
    nonce: bytes,
    attack: Attack | None = None,
    ask_verifier: AskVerifier | None = None,
    seed: int = 1,
) -> SampleCase:
    """Write a case folder, made by :func:`build_case`, and return what was written."""
    case = build_case(
        citizen=citizen,
        portrait=portrait,
        selfie=selfie,
        issuer=issuer,
        nonce=nonce,
        attack=attack,
        ask_verifier=ask_verifier,
        seed=seed,
    )
    case.write(folder)
    return case


def build_case(
    *,
    citizen: SampleCitizen,
    portrait: FacePicture,
    selfie: FacePicture,
    issuer: SimulatedIssuer,
    nonce: bytes,
    attack: Attack | None = None,
    ask_verifier: AskVerifier | None = None,
    seed: int = 1,
) -> SampleCase:
    """All files of a case.

    Args:
        citizen: who the card and the chip are about; the papers are her child's.
        portrait: photograph for card and chip.
        selfie: photograph of whoever sits before the camera; for the attack ``impostor`` that is somebody else,
            and the caller's choice.
        issuer: signs the chip; for ``foreign-signer`` another simulated issuer takes its place.
        nonce: the verifier's challenge, eight bytes, which the chip signs.
        ask_verifier: asks the verifier for chip authentication, which then takes the place of the signature.
        attack: the one thing that is wrong, if any. ``tampered-pdf`` and ``replayed-nonce`` leave the case honest.
        seed: of every rendered imperfection. Signatures of the chip depend on fresh keys and are not repeated.
    """
    name = attack.name if attack is not None else ""
    files: dict[str, bytes] = {}
    files |= _chip_files(citizen, portrait, issuer, ask_verifier or nonce, name)
    files |= _card_files(citizen, portrait, seed)
    injected = name == "portrait-injection"
    before_camera = portrait_in_chip(portrait) if injected else selfie
    files |= _face_files(before_camera, seed, replayed=name == "screen-replay")
    files |= _document_files(citizen, seed, altered=name == "altered-copy")
    profile = PROFILE_OF_INJECTION if injected else PROFILE
    files["case.toml"] = _manifest(profile, proofs=files.keys() & _PROOFS.keys()).encode()
    return SampleCase(files=MappingProxyType(files))


def chip_portrait(picture: FacePicture) -> bytes:
    """The face as data group 2 stores it: JPEG 2000, 413 × 531 pixels."""
    portrait = portrait_of(picture, CHIP_PORTRAIT_WIDTH_PX, CHIP_PORTRAIT_HEIGHT_PX)
    return encode_jpeg2000(portrait)


def portrait_in_chip(picture: FacePicture) -> FacePicture:
    """What somebody sees who has copied the chip: :func:`chip_portrait`, decoded."""
    image = decode_image(chip_portrait(picture), name="EF.DG2 portrait")
    return FacePicture(image=image, face=face_in_portrait(CHIP_PORTRAIT_WIDTH_PX))


def citizen_data(citizen: SampleCitizen) -> CitizenData:
    """What the simulated issuer writes into the chip."""
    return CitizenData(
        personal_number=citizen.personal_number,
        full_name=citizen.full_name,
        birth_date=citizen.birth_date,
        sex=citizen.sex.value,
        nationality=citizen.nationality,
        ethnicity=citizen.ethnicity,
        religion=citizen.religion,
        origin=citizen.origin,
        residence=citizen.residence,
        features=citizen.features,
        issue_date=citizen.issue_date,
        expiry_date=citizen.expiry_date,
        father_name=citizen.father_name,
        mother_name=citizen.mother_name,
        spouse_name=citizen.spouse_name,
        old_number=citizen.old_number,
    )


def _chip_files(
    citizen: SampleCitizen,
    portrait: FacePicture,
    issuer: SimulatedIssuer,
    asked: bytes | AskVerifier,
    attack: str,
) -> dict[str, bytes]:
    signer = SimulatedIssuer.create() if attack == "foreign-signer" else issuer
    card = _attacked(signer.issue_card(citizen_data(citizen), chip_portrait(portrait)), attack)
    files = {f"chip/{name}.bin": data for name, data in card.files.items()}
    if attack == "stripped-evidence":
        return files
    if isinstance(asked, bytes):
        return files | {AA_SIGNATURE: card.active_authenticate(asked)}
    request = asked(card.files.get(ElementaryFile.DG14) or b"")
    return files | {CA_RESPONSE: answer_chip_authentication(card, request)}


def _attacked(card: SimulatedCard, attack: str) -> SimulatedCard:
    match attack:
        case "cloned-chip":
            return card.clone_with_own_key()
        case "altered-dg":
            return card.with_changed_name()
        case "stripped-evidence":
            return card.without(ElementaryFile.DG15)
        case _:
            return card


def _card_files(citizen: SampleCitizen, portrait: FacePicture, seed: int) -> dict[str, bytes]:
    printed = portrait_of(portrait, round(PORTRAIT_BOX.width), round(PORTRAIT_BOX.height))
    front = photograph_card(render_card_front(citizen, printed), 10 * seed)
    back = photograph_card(render_card_back(citizen), 10 * seed + 1)
    return {
        "card/front.jpg": encode_jpeg(front, _CARD_QUALITY),
        "card/back.jpg": encode_jpeg(back, _CARD_QUALITY),
    }


def _face_files(selfie: FacePicture, seed: int, *, replayed: bool) -> dict[str, bytes]:
    frames = render_face_frames(selfie, count=FRAME_COUNT, seed=10 * seed + 2)
    if replayed:
        frames = render_screen_replay(frames, seed=10 * seed + 3)
    return {
        f"face/frame-{i}.jpg": encode_jpeg(frame, _FRAME_QUALITY)
        for i, frame in enumerate(frames, 1)
    }


def _document_files(citizen: SampleCitizen, seed: int, *, altered: bool) -> dict[str, bytes]:
    birth = SampleBirth.of_child_of(citizen)
    original = render_birth_certificate(birth)
    copied = render_birth_certificate(alter(birth)) if altered else original
    return {
        "documents/original-1.jpg": encode_jpeg(scan_of(original, 10 * seed + 4), _PAGE_QUALITY),
        "documents/copy-1.jpg": encode_jpeg(scan_of(copied, 10 * seed + 5), _PAGE_QUALITY),
    }


def _manifest(profile: str, *, proofs: Collection[str]) -> str:
    """``case.toml``; it names the proofs that the chip gave."""
    frames = ", ".join(f'"face/frame-{i}.jpg"' for i in range(1, FRAME_COUNT + 1))
    active = "".join(f'\n{_PROOFS[name]} = "{name}"\n' for name in sorted(proofs))
    return f"""\
schema = "ekyc.case/1"
profile = "{profile}"
sample = true

[chip]
folder = "chip"
{active}
[card]
front = "card/front.jpg"
back = "card/back.jpg"

[face]
frames = [{frames}]

[documents]
original = ["documents/original-1.jpg"]
copy = ["documents/copy-1.jpg"]
"""
