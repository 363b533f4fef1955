"""What a reading was asked to do: enough to do it again, and the form in which a record keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ekyc.chip.access_key import AccessKey, CanKey, MrzKey
from ekyc.chip.apdu import MAX_EXTENDED_LE
from ekyc.chip.ciphers import SUITE_OF_LAST_ARC
from ekyc.chip.file_reading import DEFAULT_CHUNK_BYTES
from ekyc.chip.file_rows import MAX_ROW
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.handover import Handover, take_over
from ekyc.chip.program import Program
from ekyc.chip.reader import AccessProtocol, ChipReading, read_chip
from ekyc.chip.secure_messaging import SessionKeys
from ekyc.ports import Random

_SUITES = {suite.name: suite for suite in SUITE_OF_LAST_ARC.values()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingOptions:
    """The arguments of :func:`ekyc.chip.reader.read_chip`."""

    access_key: AccessKey
    files: tuple[ElementaryFile, ...] | None = None
    chip_authentication: bool = True
    nonce: bytes | None = None
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    row: int = 1

    def program(self, random: Random) -> Program[ChipReading]:
        """The reading that these options ask for."""
        return read_chip(
            self.access_key,
            random=random,
            files=self.files,
            chip_authentication=self.chip_authentication,
            nonce=self.nonce,
            chunk_bytes=self.chunk_bytes,
            row=self.row,
        )

    def as_json(self) -> dict[str, Any]:
        """**The key to the chip in clear.** ``row`` is left out where it is 1: records older than rows lack it."""
        key = self.access_key
        return {
            "access_key": (
                {"mrz": [key.document_number, key.birth, key.expiry]}
                if isinstance(key, MrzKey)
                else {"can": key.can}
            ),
            "files": None if self.files is None else [file.value for file in self.files],
            "chip_authentication": self.chip_authentication,
            **_common(self),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverOptions:
    """The arguments of :func:`ekyc.chip.handover.take_over`."""

    handover: Handover = field(repr=False)
    nonce: bytes | None = None
    chunk_bytes: int = DEFAULT_CHUNK_BYTES
    row: int = 1

    def program(self, random: Random) -> Program[ChipReading]:
        """The part of the reading that these options ask for."""
        return take_over(
            self.handover,
            random=random,
            nonce=self.nonce,
            chunk_bytes=self.chunk_bytes,
            row=self.row,
        )

    def as_json(self) -> dict[str, Any]:
        """**Session keys and personal data in clear.**"""
        given = self.handover
        return {
            "handover": {
                "access": given.access.value,
                "suite": given.keys.suite.name,
                "encryption": given.keys.encryption.hex(),
                "mac": given.keys.mac.hex(),
                "counter": f"{given.counter:x}",
                "files": [[name.value, data.hex()] for name, data in given.files.items()],
            },
            **_common(self),
        }


def options_from_json(content: Mapping[str, Any]) -> ReadingOptions | TakeoverOptions:
    """The counterpart of ``as_json``.

    Raises:
        EkycError, ValueError, LookupError, TypeError, AttributeError: it has another form; the reader of the record says
            so in its own words.
    """
    nonce = None if content["nonce"] is None else bytes.fromhex(content["nonce"])
    chunk_bytes, row = int(content["chunk_bytes"]), int(content.get("row", 1))
    if not (1 <= chunk_bytes <= MAX_EXTENDED_LE and 1 <= row <= MAX_ROW):
        raise ValueError("a number is out of range")
    if "handover" in content:
        handover = _handover(content["handover"])
        return TakeoverOptions(handover=handover, nonce=nonce, chunk_bytes=chunk_bytes, row=row)
    names = content["files"]
    return ReadingOptions(
        access_key=_access_key(content["access_key"]),
        files=None if names is None else tuple(ElementaryFile(name) for name in names),
        chip_authentication=content["chip_authentication"] is True,
        nonce=nonce,
        chunk_bytes=chunk_bytes,
        row=row,
    )


def session_keys(suite: str, encryption: bytes, mac: bytes) -> SessionKeys:
    """Keys by the name of their cipher suite.

    Raises:
        LookupError: no suite has that name.
    """
    return SessionKeys(suite=_SUITES[suite], encryption=encryption, mac=mac)


def _common(options: ReadingOptions | TakeoverOptions) -> dict[str, Any]:
    return {
        "nonce": None if options.nonce is None else options.nonce.hex(),
        "chunk_bytes": options.chunk_bytes,
        **({} if options.row == 1 else {"row": options.row}),
    }


def _access_key(content: Mapping[str, Any]) -> AccessKey:
    if "can" in content:
        return CanKey(content["can"])
    number, birth, expiry = content["mrz"]
    return MrzKey(number, birth, expiry)


def _handover(content: Mapping[str, Any]) -> Handover:
    return Handover(
        access=AccessProtocol(content["access"]),
        keys=session_keys(
            content["suite"], bytes.fromhex(content["encryption"]), bytes.fromhex(content["mac"])
        ),
        counter=int(content["counter"], 16),
        files=ChipFiles.from_mapping(
            {name: bytes.fromhex(data) for name, data in content["files"]}
        ),
    )
