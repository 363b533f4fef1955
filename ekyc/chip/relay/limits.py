"""What a relayed session may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ekyc.chip.files import KIB

MAX_FRAME_BYTES: Final = 256 * KIB
"""Longest frame in either direction; the largest file of a chip fits, in base64."""
MAX_COMMANDS_IN_FRAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """Bounds of one session on the server's side. Passing one ends it, each with its own code."""

    frames: int = 600
    """Frames from the client (``chip.relay_too_many_frames``)."""
    commands: int = 8000
    """Commands to the chip (``chip.relay_too_many_commands``)."""
    octets: int = 2 * 1024 * KIB
    """Characters of all frames from the client together (``chip.relay_too_many_bytes``)."""
    row: int = 48
    """Commands in one frame. More save round trips; fewer lose less when the card slips."""
    total_s: float = 120.0
    """From the start to the last answer (``chip.relay_deadline``)."""
    answer_s: float = 20.0
    """From a frame to its answer (``chip.relay_answer_late``)."""

    def __post_init__(self) -> None:
        whole = (self.frames, self.commands, self.octets, self.row)
        if min(*whole, self.total_s, self.answer_s) <= 0 or self.row > MAX_COMMANDS_IN_FRAME:
            raise ValueError("a limit is out of range")
