"""``sources.json`` of a trust folder: what was imported, when, and what was taken out by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from ekyc.errors import InputError
from ekyc.pki.anchors import SourceKind
from ekyc.values import Sha256Hex

MANIFEST_NAME: Final = "sources.json"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One imported file."""

    name: str
    kind: SourceKind
    sha256: Sha256Hex
    size_bytes: int
    added_at: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedAnchor:
    """An anchor that the operator took out. Lists do not bring it back; importing the certificate itself does."""

    sha256: Sha256Hex
    removed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole file."""

    sources: tuple[Source, ...] = ()
    removed: tuple[RemovedAnchor, ...] = ()

    @property
    def removed_fingerprints(self) -> frozenset[Sha256Hex]:
        return frozenset(item.sha256 for item in self.removed)

    def encode(self) -> bytes:
        facts = {
            "format": _FORMAT,
            "sources": [asdict(source) for source in self.sources],
            "removed": [asdict(item) for item in self.removed],
        }
        return (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        try:
            facts: dict[str, Any] = json.loads(data)
            if facts["format"] != _FORMAT:
                raise InputError("written by a newer release", code="trust.folder_damaged")
            return cls(
                sources=tuple(
                    Source(**{**item, "kind": SourceKind(item["kind"])})
                    for item in facts["sources"]
                ),
                removed=tuple(RemovedAnchor(**item) for item in facts["removed"]),
            )
        except (ValueError, TypeError, LookupError) as exc:
            raise InputError(
                "the list of sources is damaged", code="trust.folder_damaged", subject=MANIFEST_NAME
            ) from exc
