"""A case: everything submitted for one verification, from a folder or as Python values.

``docs/case.md`` describes the folder; ``docs/schemas/ekyc.case.1.schema.json`` is its JSON Schema.
Loading reads and bounds every file, and decodes nothing: images and chip data are judged by their rooms.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ekyc.chip import ChipFiles
from ekyc.errors import InputError, LimitError
from ekyc.flows.live_values import LiveEvidence

CASE_SCHEMA: Final = "ekyc.case/1"
CASE_FILE: Final = "case.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLimits:
    """Bounds on what a case may hold."""

    toml_bytes: int = 64 * 1024
    file_bytes: int = 32 * 1024 * 1024
    total_bytes: int = 128 * 1024 * 1024
    pages: int = 40
    """Pages of the original, and again of the copy."""
    frames: int = 60


DEFAULT_CASE_LIMITS: Final = CaseLimits()

_PLACE: Final = re.compile(r" \(at (line [0-9]+, column [0-9]+|end of document)\)\Z")
_MAX_DOTS: Final = 32
"""Of one key. The parser takes time in the square of a dotted key's parts: 64 KiB of them, a minute."""
_PART: Final = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY: Final = re.compile(rf"(?:\.[ \t]*+{_PART}[ \t]*+){{{_MAX_DOTS}}}\.")
"""Wherever it stands: what is inside a string or a comment only the parser knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One submitted file: its name within the case and its bytes, undecoded."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything submitted for one verification. Parts that were not submitted are ``None`` or empty."""

    profile_id: str
    """Procedure profile that the case was submitted for."""
    sample: bool = False
    """Marks synthetic material; its liveness counts only under a demonstration profile."""
    chip: ChipFiles | None = None
    active_authentication_signature: bytes | None = field(default=None, repr=False)
    """The chip's answer to the verifier's challenge, as it came from INTERNAL AUTHENTICATE."""
    chip_authentication_response: bytes | None = field(default=None, repr=False)
    """The chip's response, with its status word, to the command that the verifier protected."""
    card_front: CaseFile | None = None
    card_back: CaseFile | None = None
    face_frames: tuple[CaseFile, ...] = ()
    original_pages: tuple[CaseFile, ...] = ()
    copy_pages: tuple[CaseFile, ...] = ()
    live: LiveEvidence | None = None
    """A liveness session's result; its best frame then stands alone in ``face_frames``."""

    @property
    def files(self) -> tuple[CaseFile, ...]:
        """All images and documents, in a fixed order."""
        cards = tuple(f for f in (self.card_front, self.card_back) if f is not None)
        return cards + self.face_frames + self.original_pages + self.copy_pages

    def digest(self) -> str:
        """SHA-256 over the role, length and hash of every part; equal content gives an equal digest."""
        parts: list[tuple[str, bytes]] = [
            ("profile", self.profile_id.encode()),
            ("sample", b"1" if self.sample else b"0"),
        ]
        if self.chip is not None:
            parts += [(f"chip/{name}", data) for name, data in self.chip.items()]
        if self.active_authentication_signature is not None:
            parts.append(("chip/active_authentication", self.active_authentication_signature))
        if self.chip_authentication_response is not None:
            parts.append(("chip/chip_authentication", self.chip_authentication_response))
        if self.live is not None:
            parts.append(("face/session", self.live.payload))
        for role, files in (
            ("card/front", (self.card_front,)),
            ("card/back", (self.card_back,)),
            ("face", self.face_frames),
            ("original", self.original_pages),
            ("copy", self.copy_pages),
        ):
            parts += [(f"{role}/{i}", f.data) for i, f in enumerate(files) if f is not None]
        total = hashlib.sha256()
        for role, data in parts:
            total.update(f"{role}\0{len(data)}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return total.hexdigest()


def _relative(path: str) -> str:
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
        raise ValueError("must be a relative path inside the case")
    return path


_RelativePath = Annotated[str, Field(max_length=240), AfterValidator(_relative)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _ActiveAuthentication(_Strict):
    signature: _RelativePath


class _ChipAuthentication(_Strict):
    response: _RelativePath


class _Chip(_Strict):
    folder: _RelativePath
    active_authentication: _ActiveAuthentication | None = None
    chip_authentication: _ChipAuthentication | None = None


class _Card(_Strict):
    front: _RelativePath
    back: _RelativePath | None = None


class _Face(_Strict):
    frames: list[_RelativePath] = Field(min_length=1, max_length=DEFAULT_CASE_LIMITS.frames)


class _Documents(_Strict):
    original: list[_RelativePath] = Field(min_length=1, max_length=DEFAULT_CASE_LIMITS.pages)
    copy_: list[_RelativePath] = Field(
        alias="copy", min_length=1, max_length=DEFAULT_CASE_LIMITS.pages
    )


class CaseManifest(_Strict):
    """``case.toml``. Unknown keys are errors."""

    schema_: Literal["ekyc.case/1"] = Field(alias="schema")
    profile: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")
    sample: bool = False
    chip: _Chip | None = None
    card: _Card | None = None
    face: _Face | None = None
    documents: _Documents | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that is named, without those in the folder of the chip."""
        chip, card, face, papers = self.chip, self.card, self.face, self.documents
        active = chip.active_authentication if chip else None
        genuine = chip.chip_authentication if chip else None
        named = (
            active.signature if active else None,
            genuine.response if genuine else None,
            *((card.front, card.back) if card else ()),
            *(face.frames if face else ()),
            *((*papers.original, *papers.copy_) if papers else ()),
        )
        return tuple(name for name in named if name is not None)


def require_case(folder: Path | str, *, limits: CaseLimits = DEFAULT_CASE_LIMITS) -> CaseManifest:
    """What ``case.toml`` says, where :func:`load_case` would find all that it names; no picture or document is read.

    Args:
        folder: the folder that holds ``case.toml``.
        limits: bounds on sizes and counts.

    Raises:
        InputError, LimitError: as of :func:`load_case`.
    """
    manifest, reader = _opened(folder, limits)
    if manifest.chip is not None:
        ChipFiles.from_folder(reader.folder(manifest.chip.folder))
    for name in manifest.files:
        reader.find(name)
    return manifest


def load_case(folder: Path | str, *, limits: CaseLimits = DEFAULT_CASE_LIMITS) -> Case:
    """Read a case folder.

    Args:
        folder: the folder that holds ``case.toml``.
        limits: bounds on sizes and counts.

    Raises:
        InputError: no such folder (``case.missing``), ``case.toml`` is not valid (``case.invalid``; ``subject``
            names the key), or a file it names is missing, unreadable or leads outside (``case.file_missing``,
            ``case.file_unreadable``, ``case.path``).
        LimitError: a file or the whole case is too large (``case.too_large``).
    """
    manifest, reader = _opened(folder, limits)
    chip = manifest.chip
    chip_files = ChipFiles.from_folder(reader.folder(chip.folder)) if chip else None
    active = chip.active_authentication if chip else None
    genuine = chip.chip_authentication if chip else None
    return Case(
        profile_id=manifest.profile,
        sample=manifest.sample,
        chip=chip_files,
        active_authentication_signature=reader.read(active.signature).data if active else None,
        chip_authentication_response=reader.read(genuine.response).data if genuine else None,
        card_front=reader.read(manifest.card.front) if manifest.card else None,
        card_back=reader.read(manifest.card.back) if manifest.card and manifest.card.back else None,
        face_frames=reader.read_all(manifest.face.frames if manifest.face else []),
        original_pages=reader.read_all(manifest.documents.original if manifest.documents else []),
        copy_pages=reader.read_all(manifest.documents.copy_ if manifest.documents else []),
    )


def _opened(folder: Path | str, limits: CaseLimits) -> tuple[CaseManifest, _BoundedReader]:
    root = Path(folder)
    if not _is_folder(root):
        raise InputError("no such case folder", code="case.missing", subject=root.name[-240:])
    return _read_manifest(root, limits), _BoundedReader(root, limits)


def _read_manifest(root: Path, limits: CaseLimits) -> CaseManifest:
    path = root / CASE_FILE
    if not path.is_file():
        raise InputError(
            "the folder holds no case.toml; `ekyc case new DIR` writes one",
            code="case.missing",
            subject=root.name,
        )
    if path.stat().st_size > limits.toml_bytes:
        raise LimitError(
            f"larger than {limits.toml_bytes} bytes", code="case.too_large", subject=CASE_FILE
        )
    try:
        table = _parse_toml(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:  # also UTF-8 and numbers of thousands of digits
        place = _PLACE.search(str(exc))  # of the rest some repeats names of keys
        raise InputError(
            f"not valid TOML{place[0] if place else ''}", code="case.invalid", subject=CASE_FILE
        ) from exc
    except OSError as exc:
        raise InputError(
            f"cannot be read: {exc.strerror}", code="case.file_unreadable", subject=CASE_FILE
        ) from exc
    try:
        return CaseManifest.model_validate(table)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(
            first["msg"], code="case.invalid", subject=f"{CASE_FILE}: {key}"
        ) from None  # pydantic's own error repeats the submitted values


def _parse_toml(text: str) -> dict[str, object]:
    if _LONG_KEY.search(text):
        raise InputError(
            "not valid TOML: a key has too many parts", code="case.invalid", subject=CASE_FILE
        )
    return tomllib.loads(text)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name longer than the file system allows
        return False


class _BoundedReader:
    """Reads files of one case, inside its folder and under its limits."""

    def __init__(self, root: Path, limits: CaseLimits) -> None:
        self._root = root.resolve()
        self._limits = limits
        self._left = limits.total_bytes

    def folder(self, name: str) -> Path:
        """A folder of the case, none of whose entries is a link that leads outside."""
        path = self._inside(name)
        if _is_folder(path):
            for entry in path.iterdir():
                self._inside(f"{name}/{entry.name}")
        return path

    def find(self, name: str) -> None:
        """Return if :meth:`read` would find the file, and count it."""
        with _unreadable(name):
            size = self._file(name).stat().st_size
        self._count(name, size)

    def read(self, name: str) -> CaseFile:
        with _unreadable(name), self._file(name).open("rb") as file:
            data = file.read(self._allowed + 1)
        self._count(name, len(data))
        return CaseFile(name=name, data=data)

    def read_all(self, names: list[str]) -> tuple[CaseFile, ...]:
        return tuple(self.read(name) for name in names)

    @property
    def _allowed(self) -> int:
        return min(self._limits.file_bytes, self._left)

    def _count(self, name: str, size: int) -> None:
        if size > self._allowed:
            raise LimitError(
                f"more than the {self._allowed} bytes that are left to it",
                code="case.too_large",
                subject=name,
            )
        self._left -= size

    def _file(self, name: str) -> Path:
        path = self._inside(name)
        if not path.is_file():
            raise InputError("no such file in the case", code="case.file_missing", subject=name)
        return path

    def _inside(self, name: str) -> Path:
        try:
            path = (self._root / name).resolve()
        except (
            OSError,
            RuntimeError,
        ) as exc:  # RuntimeError: links in a circle, before Python 3.13
            raise InputError(
                "cannot be followed", code="case.file_unreadable", subject=name
            ) from exc
        if not path.is_relative_to(self._root):
            raise InputError("leads outside the case folder", code="case.path", subject=name)
        return path


@contextmanager
def _unreadable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise InputError(
            f"cannot be read: {exc.strerror}", code="case.file_unreadable", subject=name
        ) from exc
