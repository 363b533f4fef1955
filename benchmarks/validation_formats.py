"""Signatures of other makers in XML and CMS: what do we say of each, and does it fit what is documented of it?

The sets are EU DSS (``dss_xades``, ``dss_cades``) and signxml (``signxml_xades``). Nobody's certificates are trusted in this
table, so that no file can pass; what is compared is integrity. What a file is meant to show is taken from its name, which DSS's
tests keep: ``ALTERED`` where what is signed, or the binding of signature to signer, was changed; ``MALFORMED``; else
``UNSPECIFIED``. Files whose *unsigned* parts were spoiled (copied timestamps, evidence records) count as unspecified: their
signature is intact, and the timestamp is judged on its own.

A CMS that carries its content is judged as a detached one: the content is taken out of it, which changes no signed octet.
What a detached one is over is not among the data, so that it must come out as not matching.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asn1crypto import pem

from ekyc.errors import EkycError
from ekyc.signing import inspect_cades, inspect_xml
from ekyc.signing.der import elements, inside, oid, sequence, tlv
from ekyc.signing.validation.cms_rules import require_bounded
from ekyc.signing.validation.inspecting import UnreadableError
from ekyc.signing.validation.report import Integrity, ValidationReport

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

FOLDERS: Final = ("dss_xades", "signxml_xades", "dss_cades")
_NO_CONTENT: Final = "detached; what it is over is not among the data"
_ALTERED: Final = (
    "altered",
    "tampered",
    "xsw_XSW",
    "dtd-injection",
    "wrong-sign-cert",
    "sign-cert-v1-wrong",
    "sign-cert-v2-wrong",
    "enveloping-broken",
    "invalid-sig.",
    "broken-sig-tst",
    "duplicated-signed-attrs",
    "double-signing-certificate",
    "double-signing-time",
    "refUriRemoved",
)
_MALFORMED: Final = ("malformed", "not-base64", "unknown-digest-algo", "with-no-name-reference")
_DATA: Final = oid("1.2.840.113549.1.7.1")
EXPLAINED: Final = {
    "validation_cades-double-signing-time.p7m": "one claimed time stands in it, with one value; openssl verifies it",
    "validation_cms-wrong-sign-cert-ref.p7m": "the wrong reference is in the timestamp, by DSS's own test; that is not believed",
    "validation_evidence-record_C-E-ERS-basic-invalid-sig.p7m": "openssl verifies it; evidence records are not judged",
}
"""Named as altered and found intact: why that is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRow:
    """One file."""

    folder: str
    name: str
    expected: str
    """``ALTERED``, ``MALFORMED`` or ``UNSPECIFIED``."""
    integrity: str
    """``INTACT``, ``BROKEN``, ``UNKNOWN``, or ``NOT_JUDGED`` where the form is none that is judged."""
    outcome: str
    reason: str
    """First reason code of our report."""
    remark: str | None

    @property
    def fits(self) -> bool:
        """Nothing altered is called intact unexplained; nothing that is not altered is called broken."""
        if self.expected == "UNSPECIFIED":
            return self.integrity != "BROKEN" or self.remark is not None
        return self.integrity != "INTACT" or self.remark is not None


def rows(sign: Path) -> list[FormatRow]:
    """Judge every file.

    Args:
        sign: folder that holds the three sets.
    """
    with _quiet():
        return [
            _row(folder, path) for folder in FOLDERS for path in sorted((sign / folder).iterdir())
        ]


def record(recorder: Recorder, data: Path) -> None:
    """The table as raw observations, and how many files come out as documented."""
    found = rows(data / "sign")
    for row in found:
        recorder.observe(
            table="formats",
            folder=row.folder,
            file=row.name,
            expected=row.expected,
            integrity=row.integrity,
            outcome=row.outcome,
            reason=row.reason,
            remark=row.remark,
        )
    recorder.rate("formats.fits", sum(row.fits for row in found), len(found))
    passed = sum(row.outcome == "PASSED" for row in found)
    recorder.exact("formats.passed_without_anchor", passed, n=len(found), unit="files")
    recorder.must("formats.passed_without_anchor", at_most=0)


def detached(data: bytes) -> tuple[bytes, bytes | None]:
    """A CMS without its content, and the content; ``None`` where it carries none. Outer BER becomes DER.

    Raises:
        EkycError, UnreadableError, ValueError, IndexError: no CMS.
    """
    require_bounded(data)
    kind, wrapped = elements(inside(_definite(data)))
    (body,) = elements(inside(wrapped))
    version, digests, carried, *rest = elements(inside(body))
    parts = elements(inside(carried))
    if len(parts) == 1 or parts[0] != _DATA:
        return sequence(kind, tlv(0xA0, body)), None
    (octets,) = elements(inside(parts[1]))
    bare = sequence(version, digests, sequence(parts[0]), *rest)
    return sequence(kind, tlv(0xA0, bare)), _joined(octets)


def _row(folder: str, path: Path) -> FormatRow:
    data, remark = path.read_bytes(), EXPLAINED.get(path.name)
    if folder == "dss_cades":
        report, alone = _cms(data)
        remark = remark or (_NO_CONTENT if alone else None)
    else:
        report = inspect_xml(data, anchors=())
    if report.problems:
        integrity, reason = "NOT_JUDGED", report.problems[0].reasons[0]
    else:
        entry = report.signatures[0]
        integrity = str(entry.integrity)
        reason = next((code for check in entry.checks for code in check.reasons), "")
    return FormatRow(
        folder=folder,
        name=path.name,
        expected=_expected(path.name),
        integrity=integrity,
        outcome=str(report.outcome),
        reason=reason,
        remark=remark if integrity in {Integrity.INTACT, Integrity.BROKEN} else None,
    )


def _cms(data: bytes) -> tuple[ValidationReport, bool]:
    """The report, and whether there was no content to judge it with."""
    try:
        bare, content = detached(_unarmoured(data))
    except (EkycError, UnreadableError, ValueError, IndexError):
        bare, content = data, None
    return inspect_cades(bare, io.BytesIO(content or b""), anchors=()), content is None


def _unarmoured(data: bytes) -> bytes:
    if not pem.detect(data):
        return data
    unarmoured: Any = pem.unarmor(data)  # untyped
    der: bytes = unarmoured[2]
    return der


def _expected(name: str) -> str:
    if any(word in name for word in _ALTERED):
        return "ALTERED"
    return "MALFORMED" if any(word in name for word in _MALFORMED) else "UNSPECIFIED"


def _definite(data: bytes) -> bytes:
    return _element(data, 0)[0]


def _element(data: bytes, place: int) -> tuple[bytes, int]:
    """The element at a place, in definite form where it was not, and where it ends."""
    if data[place + 1] != 0x80:
        end = place + _size(data, place)
        if not data[place] & 0x20:
            return data[place:end], end
        start = end - len(inside(data[place:end])) if _is_der(data[place:end]) else end
        inner, at = [], start
        while at < end:
            part, at = _element(data, at)
            inner.append(part)
        contents = b"".join(inner)
        same = contents == data[start:end]
        return (data[place:end] if same else tlv(data[place], contents)), end
    at, inner = place + 2, []
    while data[at : at + 2] != b"\0\0":
        part, at = _element(data, at)
        inner.append(part)
    return tlv(data[place], *inner), at + 2


def _size(data: bytes, place: int) -> int:
    first = data[place + 1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(data[place + 2 : place + 2 + count])


def _is_der(element: bytes) -> bool:
    try:
        inside(element)
    except ValueError:
        return False
    return True


def _joined(octets: bytes) -> bytes:
    """Contents of an OCTET STRING, which BER may cut into segments."""
    if octets[0] != 0x24:
        return inside(octets)
    return b"".join(map(_joined, elements(inside(octets))))


@contextmanager
def _quiet() -> Iterator[None]:
    """Against the traces that pyHanko logs for each."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
