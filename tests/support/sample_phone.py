"""A sample citizen's telephone in a process of its own: ``python sample_phone.py FOLDER``. **Everything about it is invented.**

It makes an issuer and writes its certificate to FOLDER/csca.pem, then does what it is told, one JSON object a line:
``read`` lets the chip sign a nonce and writes a case folder; ``look`` answers a liveness session before a drawn camera;
``register`` and ``confirm`` are what its browser does with an authenticator.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

from epoch_clock import EpochClock
from liveness_client import Link, answer
from rendered_client import rendered
from rendered_face import FACE_PX
from soft_authenticator import SoftAuthenticator

from ekyc.imaging.decode import read_image
from ekyc.inference import Engine, ModelStore
from ekyc.samples import SampleCitizen, make_case
from ekyc.samples.case import PROFILE
from ekyc.samples.demonstration import _with_face

from ekyc.chip.sim import SimulatedIssuer  # isort: skip
from ekyc.face import FaceDetector  # isort: skip


def tell(**told):
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


class Telephone:
    def __init__(self, folder):
        self.folder = folder
        self.issuer = SimulatedIssuer.create()
        with Engine.open() as engine:
            detector = FaceDetector(engine.model("yunet-2023mar"))
            photograph = read_image(ModelStore().asset_path("portrait-astronaut"))
            self.portrait = _with_face(photograph, detector, "portrait")
        self.face_px = FACE_PX
        self.authenticator = SoftAuthenticator("localhost", "https://localhost")
        (folder / "csca.pem").write_bytes(self.issuer.csca_certificate_pem)

    def register(self, options):
        return {"credential": json.loads(self.authenticator.register(json.dumps(options)))}

    def confirm(self, challenge):
        return {"webauthn": self.authenticator.answer_json(challenge)}

    def read(self, nonce, procedure):
        """Everything but the face: that comes from the liveness session."""
        case = self.folder / procedure
        make_case(
            case,
            citizen=SampleCitizen.default(),
            portrait=self.portrait,
            selfie=self.portrait,
            issuer=self.issuer,
            nonce=bytes.fromhex(nonce),
        )
        for frame in (case / "face").iterdir():
            frame.unlink()
        manifest = case / "case.toml"
        before, _, after = manifest.read_text("utf-8").partition("[face]\n")
        told = before + after.partition("\n\n")[2]
        if procedure != PROFILE:  # the card and papers are asked for by that one alone
            told = told.partition("[card]\n")[0]
        manifest.write_text(told.replace(f'"{PROFILE}"', f'"{procedure}"'), "utf-8")
        return {"case": str(case)}

    def look(self, url, session):
        clock = EpochClock(self.folder / "clock")
        clock.set_to(clock.now())
        link = Link(url, session, clock)
        answer(link, rendered(7, self.face_px))
        self.face_px -= 30  # from further away: pictures that were seen before are a replay
        ended = link.finish()
        while not clock.end():
            time.sleep(0.1)
        return ended


def main():
    warnings.simplefilter("ignore")
    phone = Telephone(Path(sys.argv[1]))
    tell(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        tell(**getattr(phone, asked.pop("do"))(**asked))


if __name__ == "__main__":
    main()
