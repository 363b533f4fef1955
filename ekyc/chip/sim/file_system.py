"""Files of a simulated chip: where they lie and who may read them (ICAO 9303-10 §3, §4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ekyc.chip.files import ChipFiles, ElementaryFile, data_group_file
from ekyc.chip.sim.commands import Status, StatusError

LDS_APPLICATION: Final = bytes.fromhex("A0000002471001")
"""Application identifier of the travel document (ICAO 9303-10 §4.2.1)."""


class Directory(Enum):
    """What is selected: the master file, or the travel document's application."""

    MASTER_FILE = "MF"
    LDS = "LDS"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityState:
    """What the terminal has shown so far."""

    authenticated: bool = False
    """BAC or PACE is done and the session lives."""
    pace: bool = False


_FILE_OF_IDENTIFIER: Final[Mapping[Directory, Mapping[int, ElementaryFile]]] = {
    Directory.MASTER_FILE: {
        0x011C: ElementaryFile.CARD_ACCESS,
        0x011D: ElementaryFile.CARD_SECURITY,
    },
    Directory.LDS: {
        0x011D: ElementaryFile.SOD,
        0x011E: ElementaryFile.COM,
        **{0x0100 + number: data_group_file(number) for number in range(1, 17)},
    },
}
# Fingerprints and irises need terminal authentication, which only the issuing state can do. Fingerprints are there,
# whatever was personalised: nobody could tell.
_LOCKED: Final = frozenset({ElementaryFile.DG3, ElementaryFile.DG4})


def read_file(
    files: ChipFiles, directory: Directory, identifier: int, state: SecurityState
) -> bytes:
    """Content of a file.

    Args:
        files: what the chip holds.
        directory: which of the two directories is selected.
        identifier: two octets, or a short file identifier with ``0100`` added.
        state: what the terminal has shown.

    Raises:
        StatusError: 6A82, no such file; 6982, access is not granted.
    """
    file = _FILE_OF_IDENTIFIER[directory].get(identifier)
    content = files.get(file) if file else None
    if file is ElementaryFile.DG3 or (file and content and not _granted(file, state)):
        raise StatusError(Status.SECURITY_STATUS)
    if content is None:
        raise StatusError(Status.FILE_NOT_FOUND)
    return content


def _granted(file: ElementaryFile, state: SecurityState) -> bool:
    if file is ElementaryFile.CARD_ACCESS:
        return True
    if file is ElementaryFile.CARD_SECURITY:
        return state.pace
    return state.authenticated and file not in _LOCKED
