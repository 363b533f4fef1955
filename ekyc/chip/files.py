"""The files of a chip as they were submitted: known names, bounded sizes, nothing interpreted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ekyc.errors import InputError, LimitError
from ekyc.files import read_file

KIB: Final = 1024
MAX_TOTAL_BYTES: Final = 1024 * KIB
_MAX_FOLDER_ENTRIES: Final = 256

_DATA_GROUPS: Final = range(1, 17)


class ElementaryFile(StrEnum):
    """Elementary files by the names of ICAO 9303-10 §4."""

    COM = "EF.COM"
    SOD = "EF.SOD"
    CARD_ACCESS = "EF.CardAccess"
    CARD_SECURITY = "EF.CardSecurity"
    DG1 = "EF.DG1"
    DG2 = "EF.DG2"
    DG3 = "EF.DG3"
    DG4 = "EF.DG4"
    DG5 = "EF.DG5"
    DG6 = "EF.DG6"
    DG7 = "EF.DG7"
    DG8 = "EF.DG8"
    DG9 = "EF.DG9"
    DG10 = "EF.DG10"
    DG11 = "EF.DG11"
    DG12 = "EF.DG12"
    DG13 = "EF.DG13"
    DG14 = "EF.DG14"
    DG15 = "EF.DG15"
    DG16 = "EF.DG16"

    @property
    def data_group(self) -> int | None:
        """Number of the data group; None for the other files."""
        return int(self.value[5:]) if self.value.startswith("EF.DG") else None


def data_group_file(number: int) -> ElementaryFile:
    """The file of data group 1–16."""
    return ElementaryFile(f"EF.DG{number}")


_MAX_BYTES: Final[Mapping[ElementaryFile, int]] = {
    ElementaryFile.COM: KIB,
    ElementaryFile.CARD_ACCESS: 8 * KIB,
    ElementaryFile.CARD_SECURITY: 32 * KIB,
    ElementaryFile.SOD: 32 * KIB,
    ElementaryFile.DG1: KIB,
}
_MAX_BYTES_OF_OTHERS: Final = 128 * KIB

# Short file identifiers as names of dumps: 011E is EF.COM, 0101 is EF.DG1 (ICAO 9303-10 §4.2).
_FILE_OF_IDENTIFIER: Final = {
    "011C": ElementaryFile.CARD_ACCESS,
    "011D": ElementaryFile.SOD,
    "011E": ElementaryFile.COM,
} | {f"01{number:02X}": data_group_file(number) for number in _DATA_GROUPS}
_FILE_OF_WORD: Final = {
    "COM": ElementaryFile.COM,
    "SOD": ElementaryFile.SOD,
    "CARDACCESS": ElementaryFile.CARD_ACCESS,
    "CARDSECURITY": ElementaryFile.CARD_SECURITY,
}
_SUFFIXES: Final = frozenset({"", ".bin", ".dat", ".der"})
_DATA_GROUP_NAME: Final = re.compile(r"(?:DG|DATAGROUP)(\d{1,2})")


def size_limit(file: ElementaryFile) -> int:
    """Most bytes that a file may have."""
    return _MAX_BYTES.get(file, _MAX_BYTES_OF_OTHERS)


def file_of_name(name: str) -> ElementaryFile | None:
    """The elementary file that a file name means; None where it means none.

    Understood, in any case: ``EF.SOD``, ``SOD``, ``EF_SOD.bin``, ``DG1``, ``DG01.bin``, ``Datagroup1.bin``,
    ``ef0101.bin``.
    """
    stem, suffix = _split_suffix(name)
    if suffix not in _SUFFIXES:
        return None
    word = re.sub(r"[ ._-]", "", stem).upper().removeprefix("EF")
    if word in _FILE_OF_WORD:
        return _FILE_OF_WORD[word]
    if word in _FILE_OF_IDENTIFIER:
        return _FILE_OF_IDENTIFIER[word]
    match = _DATA_GROUP_NAME.fullmatch(word)
    number = int(match[1]) if match else 0
    return data_group_file(number) if number in _DATA_GROUPS else None


@dataclass(frozen=True, slots=True)
class ChipFiles:
    """Elementary files as read from a chip, each within its size bound.

    Build it with :meth:`from_mapping` or :meth:`from_folder`; ``repr`` shows sizes only.
    """

    _content: Mapping[ElementaryFile, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def from_mapping(cls, files: Mapping[str, bytes]) -> ChipFiles:
        """From names (any spelling that :func:`file_of_name` knows) to bytes.

        Raises:
            InputError: ``chip.file_unknown``, ``chip.file_twice``.
            LimitError: ``chip.file_too_large``.
        """
        return cls(_bounded((name, data) for name, data in files.items()))

    @classmethod
    def from_folder(cls, folder: Path | str) -> ChipFiles:
        """From the files of a folder that bear a known name; others are ignored.

        Raises:
            InputError: ``chip.folder_missing``, ``chip.folder_empty``, ``chip.file_twice``, ``chip.file_unreadable``.
            LimitError: ``chip.file_too_large``.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(
                "no such folder of chip files", code="chip.folder_missing", subject=folder.name
            )
        entries = sorted(folder.iterdir())[:_MAX_FOLDER_ENTRIES]
        named = [path for path in entries if path.is_file() and file_of_name(path.name)]
        if not named:
            raise InputError(
                "the folder holds no file with the name of a chip file",
                code="chip.folder_empty",
                subject=folder.name,
            )
        return cls(_bounded((path.name, read_bounded(path)) for path in named))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {len(data)} B" for name, data in self._content.items())
        return f"ChipFiles({sizes})"

    def get(self, name: ElementaryFile) -> bytes | None:
        """Bytes of a file, or None where it was not submitted."""
        return self._content.get(name)

    def items(self) -> Iterable[tuple[ElementaryFile, bytes]]:
        """Names and bytes, in order of submission."""
        return self._content.items()

    @property
    def names(self) -> tuple[ElementaryFile, ...]:
        return tuple(self._content)

    @property
    def data_groups(self) -> Mapping[int, bytes]:
        """The submitted data groups by number."""
        numbered = ((name.data_group, data) for name, data in self._content.items())
        return MappingProxyType({number: data for number, data in numbered if number})

    def with_file(self, name: ElementaryFile, data: bytes) -> ChipFiles:
        """A copy with one file put in or replaced."""
        changed = {existing.value: held for existing, held in self._content.items()}
        return ChipFiles.from_mapping(changed | {name.value: data})

    def without(self, *names: ElementaryFile) -> ChipFiles:
        """A copy that lacks some files."""
        return ChipFiles(
            MappingProxyType({k: v for k, v in self._content.items() if k not in names})
        )

    def write_to(self, folder: Path) -> None:
        """Write each file under its name; the folder is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self._content.items():
            (folder / name.value).write_bytes(data)


def read_bounded(path: Path, limit: int = _MAX_BYTES_OF_OTHERS) -> bytes:
    """Bytes of a file, of which never more than the limit is read.

    Raises:
        InputError: ``chip.file_unreadable``.
        LimitError: ``chip.file_too_large``.
    """
    try:
        return read_file(path, limit, code="chip.file_too_large")
    except OSError as exc:
        raise InputError(
            "the file cannot be read", code="chip.file_unreadable", subject=path.name
        ) from exc


def _bounded(files: Iterable[tuple[str, bytes]]) -> Mapping[ElementaryFile, bytes]:
    found: dict[ElementaryFile, bytes] = {}
    total = 0
    for name, data in files:
        file = file_of_name(name)
        if file is None:
            raise InputError(
                "the name is not that of a chip file", code="chip.file_unknown", subject=name
            )
        if file in found:
            raise InputError(f"{file} was submitted twice", code="chip.file_twice", subject=name)
        found[file] = _within(name, data, size_limit(file))
        total += len(data)
        if total > MAX_TOTAL_BYTES:
            raise LimitError(
                f"the files exceed {MAX_TOTAL_BYTES} bytes together", code="chip.files_too_large"
            )
    return MappingProxyType(found)


def _within(name: str, data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise LimitError(f"larger than {limit} bytes", code="chip.file_too_large", subject=name)
    return data


def _split_suffix(name: str) -> tuple[str, str]:
    """Stem and lower-case suffix; the point in ``EF.SOD`` is not one."""
    path = Path(name)
    suffix = path.suffix.lower()
    return (path.stem, suffix) if suffix in _SUFFIXES else (path.name, "")
