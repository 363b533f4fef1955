"""``ekyc serve`` for a sample citizen: ``python story_serve.py FOLDER ARGUMENT…``. The command as it ships, but for three things.

While FOLDER/clock is there, that is what its clock says: a simulated telephone that draws its pictures on a busy machine
is not late by its own clock. It asks only for movements that the drawn face can show to the mesh. And its `identity-present`
is a demonstration, as the shipped `demo` alone is: what enrols a second factor is another procedure than what signs, and a
drawn face is accepted under a demonstration only.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

from epoch_clock import EpochClock

from ekyc import policy as policy_module
from ekyc.cli.__main__ import app
from ekyc.flows import live_rooms
from ekyc.liveness.active import PlanShape, Step
from ekyc.ports import SystemClock

SHOWABLE = (Step.TURN_LEFT, Step.TURN_RIGHT, Step.LOOK_UP, Step.COME_CLOSER)


DRAWN = """
title_vi = "Trình diễn đăng ký yếu tố thứ hai"
title_en = "Demonstration of enrolling a second factor"
demonstration = true
required = ["chip.chain", "chip.active_authentication", "chip.not_expired", "face.match", "liveness.passive"]
"""


def profiles(folder):
    """Those that are shipped, and the one that is drawn."""
    shutil.copytree(str(resources.files("ekyc.data.profiles")), folder)
    (folder / "identity-present.toml").write_text(DRAWN, "utf-8")
    return SimpleNamespace(files=lambda _: folder)


def main():
    folder, *arguments = sys.argv[1:]
    policy_module.resources = profiles(Path(folder) / "profiles")
    clock = EpochClock(Path(folder) / "clock")
    SystemClock.now = lambda _: clock.now()
    policy = replace(live_rooms.SERVICE_POLICY, shape=PlanShape(among=SHOWABLE))
    live_rooms.live_parts.__kwdefaults__["policy"] = policy
    app(["serve", *arguments])


if __name__ == "__main__":
    main()
