"""Published worked examples and recorded sessions of chip protocols, from the material beside the project."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def worked_examples(shared_data: Path) -> dict[str, Any]:
    """Examples of ICAO 9303-11 and BSI TR-03110, and secure messaging of other projects."""
    return json.loads((shared_data / "chip/vectors/icao_pace_dh_im_cam.json").read_text())


def worked_example(shared_data: Path, section: str, identifier: str) -> dict[str, Any]:
    """One example by its id."""
    return next(item for item in worked_examples(shared_data)[section] if item["id"] == identifier)


@cache
def _recorded(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "chip/vectors/icao_and_recorded_sessions.json"
    return json.loads(path.read_text())


class Recorded:
    """One recorded test: its values in order, some named, and its exchanges."""

    def __init__(self, shared_data: Path, name: str) -> None:
        content = _recorded(shared_data)[name]
        self.exchanges = [
            tuple(bytes.fromhex(octets) for octets in pair)
            for pair in content.get("apdu_pairs", ())
        ]
        self.values = [bytes.fromhex(value) for _, value in content["hex"]]
        self._named = {name: bytes.fromhex(value) for name, value in content["hex"] if name}

    def __getitem__(self, name: str) -> bytes:
        return self._named[name]


def standard_infos(oid_value_hex: str, parameter_id: int) -> bytes:
    """EF.CardAccess with one ``PACEInfo``."""
    info = bytes.fromhex("060a" + oid_value_hex + "020102" + f"0201{parameter_id:02x}")
    entry = b"\x30" + bytes((len(info),)) + info
    return b"\x31" + bytes((len(entry),)) + entry
