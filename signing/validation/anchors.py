"""The operator's list of anchors: whom to trust, and as what.

What a verdict is worth hangs on its anchor. A root of the national authority (NEAC) makes a signature that the law calls
public; one for official duty (Ban Cơ yếu Chính phủ) that of an agency; a test root makes nothing at all. So every verdict
names the kind, and a root of which nobody said anything is *unstated*, never more.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from asn1crypto import x509

from ekyc.errors import InputError
from ekyc.signing.validation.report import AnchorKind, SignatureReport, ValidationReport
from ekyc.signing.validation.trust_material import read_trust_material

SCHEMA: Final = "ekyc.anchors/1"
_MAX_ENTRIES: Final = 200
_WORTH: Final = (
    AnchorKind.TEST,
    AnchorKind.UNSTATED,
    AnchorKind.OFFICIAL_DUTY,
    AnchorKind.NEAC,
)
"""From the least: where two anchors of one name are of different kinds, the lesser is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One trusted certificate."""

    certificate: bytes
    """DER or PEM; a file of several is several anchors of one kind."""
    kind: AnchorKind = AnchorKind.UNSTATED


def read_anchor_list(text: bytes, read: Callable[[str], bytes]) -> tuple[Anchor, ...]:
    """Read a list in TOML: ``schema = "ekyc.anchors/1"``, then ``[[anchor]]`` with ``kind``, ``file``, ``sha256``.

    Args:
        text: the list. ``sha256`` of the file is optional, and pins it where it is given.
        read: gives the contents of a file that the list names.

    Raises:
        InputError: ``signing.anchors.malformed``: no such list; ``signing.anchors.digest``: a file is another than the
            one that was pinned.
    """
    try:
        written = tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise _malformed("is no TOML") from exc
    entries = written.get("anchor")
    if written.get("schema") != SCHEMA or not isinstance(entries, list):
        raise _malformed(f"needs schema = {SCHEMA!r} and [[anchor]]")
    if len(entries) > _MAX_ENTRIES:
        raise _malformed(f"names more than {_MAX_ENTRIES} anchors")
    return tuple(_anchor(entry, read) for entry in entries)


def with_anchor_kinds(report: ValidationReport, anchors: Iterable[Anchor]) -> ValidationReport:
    """The report with the kind of the anchor beside every anchor that it names."""
    kinds: dict[str, AnchorKind] = {}
    for anchor in anchors:
        for der in read_trust_material(anchor.certificate).certificates:
            name = str(x509.Certificate.load(der).subject.human_friendly)
            kinds[name] = min(kinds.get(name, anchor.kind), anchor.kind, key=_WORTH.index)

    def told(entry: SignatureReport) -> SignatureReport:
        if entry.anchor_subject is None:
            return entry
        kind = kinds.get(entry.anchor_subject, AnchorKind.UNSTATED)
        return replace(entry, anchor_kind=kind)

    return replace(
        report,
        signatures=tuple(map(told, report.signatures)),
        document_timestamps=tuple(map(told, report.document_timestamps)),
    )


def _anchor(entry: Mapping[str, Any], read: Callable[[str], bytes]) -> Anchor:
    if not isinstance(entry, dict) or set(entry) - {"kind", "file", "sha256"}:
        raise _malformed("has an anchor with other entries than kind, file, sha256")
    try:
        kind, name = AnchorKind(entry["kind"]), entry["file"]
    except (KeyError, ValueError) as exc:
        names = ", ".join(AnchorKind)
        raise _malformed(f"needs a file and a kind ({names}) of every anchor") from exc
    if not isinstance(name, str):
        raise _malformed("names a file by something else than text")
    data = read(name)
    pinned = entry.get("sha256")
    if pinned is not None and hashlib.sha256(data).hexdigest() != str(pinned).lower():
        raise InputError(
            "is another file than the list of anchors pins",
            code="signing.anchors.digest",
            subject=name,
        )
    return Anchor(certificate=data, kind=kind)


def _malformed(what: str) -> InputError:
    return InputError(f"the list of anchors {what}", code="signing.anchors.malformed")
