"""The demonstration: make a sample case, verify it, sign the result, and let one attack at a time go wrong.

Everything is real but the citizen: the simulated issuer signs real chip files, the verifier knows only the anchors
that an operator would give it, and the challenge comes from the verifier's own store.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.chip.sim import SimulatedIssuer
from ekyc.errors import InputError
from ekyc.face import FaceDetector
from ekyc.flows import VerificationResult, Verifier, load_case, write_outputs
from ekyc.flows.stages import Progress
from ekyc.outcomes import Outcome
from ekyc.pki import TrustStore
from ekyc.samples.attacks import Attack
from ekyc.samples.case import make_case
from ekyc.samples.citizen import SampleCitizen
from ekyc.samples.faces import FacePicture
from ekyc.signing import DerivationCost, ValidationReport, inspect_pdf
from ekyc.signing.authority.ceremony import (
    ISSUING_FOLDER,
    ROOT_CERTIFICATE,
    hold_ceremony,
    open_authorities,
)
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.signing.pdf.result_signer import OneShotSigner, ResultSigner
from ekyc.storage import ACTIVE_AUTHENTICATION, Storage

if TYPE_CHECKING:
    from ekyc.inference import Engine
    from ekyc.values import BgrImage

CASE_FOLDER: Final = "case"
TRUST_FOLDER: Final = "trust"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemonstrationPictures:
    """The photographs that a demonstration is made of: uint8 (height, width, 3), blue-green-red."""

    portrait: BgrImage
    """The citizen, as in the chip and on the card."""
    selfie: BgrImage
    """The citizen before the camera; the same photograph will do."""
    impostor: BgrImage
    """Somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """What a demonstration left behind."""

    result: VerificationResult
    validation: ValidationReport | None
    """What our validator says of the result PDF, where there is one."""
    written: tuple[Path, ...]
    outcome: Outcome
    """The decision; for ``tampered-pdf`` what validation says of the altered file."""


def run_demonstration(
    folder: Path,
    pictures: DemonstrationPictures,
    *,
    engine: Engine,
    attack: Attack | None = None,
    announce: Callable[[str], None] = lambda _: None,
    progress: Progress | None = None,
) -> Demonstration:
    """Make, verify and sign a sample case in ``folder``.

    Args:
        folder: created if missing; the sample case of an earlier run in it is replaced.
        pictures: whose faces are used.
        engine: the installed models.
        attack: what goes wrong, if anything.
        announce: told in a sentence what happens next.
        progress: called when a stage of the verification ends.

    Raises:
        InputError: a photograph shows no face (``sample.no_face``), or ``folder`` holds a case that is no sample
            (``sample.not_ours``).
    """
    detector = FaceDetector(engine.model("yunet-2023mar"))
    portrait = _with_face(pictures.portrait, detector, "portrait")
    name = attack.name if attack is not None else ""
    seen = pictures.impostor if name == "impostor" else pictures.selfie
    selfie = _with_face(seen, detector, "impostor" if name == "impostor" else "selfie")

    announce(
        "A simulated issuer makes a CSCA, a document signer and a chip for the sample citizen."
    )
    issuer = SimulatedIssuer.create()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # the photographs may be somebody's
    trust_folder = folder / TRUST_FOLDER
    trust_folder.mkdir(exist_ok=True)
    csca = trust_folder / "csca.pem"
    csca.write_bytes(issuer.csca_certificate_pem)

    with Storage.open(folder / "state.sqlite3") as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION)
        announce("The verifier issues a challenge; the chip signs its nonce. The case is rendered.")
        case_folder = _fresh_case_folder(folder)
        make_case(
            case_folder,
            citizen=SampleCitizen.default(),
            portrait=portrait,
            selfie=selfie,
            issuer=issuer,
            nonce=challenge.nonce,
            attack=attack,
        )
        case = load_case(case_folder)
        announce("The verifier gets the case, the challenge's id and the operator's anchors.")
        with Verifier(engine=engine, trust=TrustStore.load((csca,)), storage=storage) as verifier:
            if name == "replayed-nonce":
                verifier.verify(case, challenge_id=challenge.id)
                announce("The same answer of the chip is sent a second time.")
            result = verifier.verify(case, challenge_id=challenge.id, progress=progress)

        announce(
            "The result is written; if accepted, it is signed with a key of its own (PAdES B-LTA) and validated."
        )
        authority = _passing_authority(trust_folder / "root.pem", storage)
        written = write_outputs(result, folder, authority=authority)
    return _judge(result, folder, authority, attack, written)


def _judge(
    result: VerificationResult,
    folder: Path,
    authority: ResultSigner,
    attack: Attack | None,
    written: tuple[Path, ...],
) -> Demonstration:
    signed = folder / "result.pdf"
    if not signed.exists():
        return Demonstration(
            result=result, validation=None, written=written, outcome=result.outcome
        )
    data = signed.read_bytes()
    tampered = attack is not None and attack.name == "tampered-pdf"
    if tampered:
        data = _tamper(data)
        signed.write_bytes(data)
    report = inspect_pdf(data, anchors=authority.anchors)
    outcome = report.outcome if tampered else result.outcome
    return Demonstration(result=result, validation=report, written=written, outcome=outcome)


def _tamper(pdf: bytes) -> bytes:
    """Change one byte of the page's content, which the signature covers."""
    start = pdf.find(b"stream")
    if start < 0:
        raise InputError("the result holds no content stream", code="sample.no_stream")
    place = start + 40
    return pdf[:place] + bytes([pdf[place] ^ 0x01]) + pdf[place + 1 :]


def _with_face(image: BgrImage, detector: FaceDetector, name: str) -> FacePicture:
    faces = detector.detect(image)
    if not faces:
        raise InputError("no face found in the photograph", code="sample.no_face", subject=name)
    largest = max(faces, key=lambda face: face.box.width * face.box.height)
    return FacePicture(image=image, face=largest.box)


def _fresh_case_folder(folder: Path) -> Path:
    """An empty place for the case; only a sample case of an earlier run is ever removed."""
    place = folder / CASE_FOLDER
    if place.exists():
        manifest = place / "case.toml"
        if place.is_symlink() or not _is_sample(manifest):
            raise InputError(
                "holds something that is not a sample case; choose another --out",
                code="sample.not_ours",
                subject=str(place),
            )
        shutil.rmtree(place)
    return place


def _is_sample(manifest: Path) -> bool:
    try:
        return tomllib.loads(manifest.read_text(encoding="utf-8")).get("sample") is True
    except (OSError, ValueError):
        return False


def _passing_authority(root: Path, storage: Storage) -> ResultSigner:
    """Signing authorities for this run alone, of which only the root certificate is kept.

    Their passphrases are random and forgotten, so that deriving keys from them need cost nothing.
    """
    secret, cost = secrets.token_urlsafe(24), DerivationCost(iterations=1, lanes=1, memory_kib=8)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        keys = EmbeddedKeys.create(place / ISSUING_FOLDER, secret, cost=cost)
        hold_ceremony(place, root_passphrase=secret, keys=keys, cost=cost)
        authorities = open_authorities(place, keys=keys, register=storage.certificates)
        root.write_bytes((place / ROOT_CERTIFICATE).read_bytes())
    return OneShotSigner(authorities, keys)
