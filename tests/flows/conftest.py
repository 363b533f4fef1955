"""Sample cases over the installed models, made once."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ekyc.chip.sim import SimulatedIssuer
from ekyc.face import FaceDetector
from ekyc.flows import Case, Verifier, load_case
from ekyc.imaging.decode import read_image
from ekyc.pki import TrustStore
from ekyc.samples import FacePicture, SampleCitizen, make_case
from ekyc.storage import ACTIVE_AUTHENTICATION, Storage


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A verifier whose operator trusts one simulated issuer, and an honest case of that issuer."""

    verifier: Verifier
    storage: Storage
    folder: Path
    case: Case
    challenge_id: str


@pytest.fixture(scope="session")
def issuer():
    return SimulatedIssuer.create()


@pytest.fixture(scope="session")
def astronaut(models):
    image = read_image(models.store.asset_path("portrait-astronaut"))
    (face, *_) = FaceDetector(models.model("yunet-2023mar")).detect(image)
    return FacePicture(image=image, face=face.box)


@pytest.fixture(scope="session")
def trust(issuer, tmp_path_factory):
    path = tmp_path_factory.mktemp("trust") / "csca.pem"
    path.write_bytes(issuer.csca_certificate_pem)
    return TrustStore.load((path,))


@pytest.fixture(scope="session")
def honest(models, issuer, astronaut, trust, tmp_path_factory):
    """One honest case with its challenge not yet spent; tests that spend it take ``fresh`` instead."""
    work = tmp_path_factory.mktemp("honest")
    with Storage.open(work / "state.sqlite3") as storage:
        challenge = storage.nonces.issue(ACTIVE_AUTHENTICATION, ttl_s=3600)
        folder = work / "case"
        make_case(
            folder,
            citizen=SampleCitizen.default(),
            portrait=astronaut,
            selfie=astronaut,
            issuer=issuer,
            nonce=challenge.nonce,
        )
        with Verifier(engine=models, trust=trust, storage=storage) as verifier:
            yield Bench(
                verifier=verifier,
                storage=storage,
                folder=folder,
                case=load_case(folder),
                challenge_id=challenge.id,
            )


@pytest.fixture
def chip_only(honest):
    """The honest case without pictures: quick to verify."""
    return replace(
        honest.case,
        card_front=None,
        card_back=None,
        face_frames=(),
        original_pages=(),
        copy_pages=(),
    )
