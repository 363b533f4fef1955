"""A client whose camera sees a rendered face: ``python rendered_client.py URLS FOLDER HOW SEED``, as liveness_client.py.

HOW is ``honest``, or ``replay``: the first session is answered, and every picture of it played into the second.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
from liveness_client import Link, answer, play
from rendered_face import FACE_PX, HEIGHT, WIDTH, RenderedFace, photograph_of
from story_clock import StoryClock

from ekyc.inference import Engine
from ekyc.liveness.active import PromptKind, Step
from ekyc.liveness.active.simulated_client import SimulatedClient

_EXTENT = 0.8
_GLOW = 0.08


class RenderedPerson:
    """Draws what an imagined person does."""

    def __init__(self, person, face, seed):
        self._person, self._face = person, face
        self._random = np.random.default_rng((seed, 7))

    def picture(self, at_s, prompt):
        person = self._person
        person.frame(at_s)  # sways
        shares = dict.fromkeys(Step, 0.0)
        for move in person._moves:
            shares[move.step] += _EXTENT * move.share(at_s)
        light = np.zeros(3)
        if prompt.kind is PromptKind.COLOURS:
            index = int((at_s - person._shown_s - 0.08) / prompt.colour_s)
            if 0 <= index < len(prompt.colours):
                light = _GLOW * np.array(prompt.colours[index].bgr)
        frame = self._face.frame(
            shares,
            sway=(person._sway[0], person._sway[1], person._sway[3]),
            light=tuple(light),
            noise=self._random.normal(0, 1.6, size=(HEIGHT, WIDTH, 3)).astype(np.float32),
        )
        return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def rendered(seed, face_px=FACE_PX):
    with Engine.open() as engine:
        face = RenderedFace(*photograph_of(engine), face_px)
    client = SimulatedClient(seed)
    client.frames_per_s = 6.0
    person = RenderedPerson(client.person, face, seed)
    client.frame = person.picture
    return client


def main():
    url, folder, how, seed = sys.argv[1:]
    clock = StoryClock(Path(folder) / "clock")
    links = [Link(url, session, clock) for session in json.load(sys.stdin)]
    client = answer(links[0], rendered(int(seed)))
    told = [links[0].finish()]
    if how == "replay":
        play(links[1], client, int(seed))
        told.append(links[1].finish())
    json.dump({"finish": told, "answers": [link.answers for link in links]}, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
