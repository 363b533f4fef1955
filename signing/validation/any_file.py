"""One way in for every signed file: PDF, XML, JWS, CMS – told apart by what they hold, never by their name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO, TypedDict

from ekyc.errors import InputError
from ekyc.ports import Clock
from ekyc.signing.validation.anchors import Anchor, with_anchor_kinds
from ekyc.signing.validation.cades import inspect_cades
from ekyc.signing.validation.inspecting import problem
from ekyc.signing.validation.jades import inspect_jws
from ekyc.signing.validation.pdf import DEFAULT_LIMITS, ValidationLimits, inspect_pdf
from ekyc.signing.validation.report import ValidationReport
from ekyc.signing.validation.xades import inspect_xml

_HEAD = 1024


def validate_file(
    data: bytes,
    *,
    anchors: Iterable[Anchor | bytes],
    content: BinaryIO | None = None,
    crls: Iterable[bytes] = (),
    at: datetime | None = None,
    limits: ValidationLimits = DEFAULT_LIMITS,
    clock: Clock | None = None,
) -> ValidationReport:
    """Report on the signatures of a file in the shape of ETSI EN 319 102-1, with the kind of every anchor.

    Whatever goes wrong with the file – also a fault of ours in reading it – is INDETERMINATE, never passed.

    Args:
        data: the file: PDF, XML, JWS, or CMS.
        anchors: whom to trust, and as what; bare certificates are of no stated kind.
        content: what a detached CMS is over.
        crls: revocation lists beyond those in the file, DER or PEM.
        at: judge as of this time (aware) instead of now.
        limits: bounds, of PDFs.
        clock: gives the present.

    Raises:
        InputError: an anchor or a list cannot be read, or ``at`` has no zone: the caller's own material.
    """
    listed = tuple(a if isinstance(a, Anchor) else Anchor(certificate=a) for a in anchors)
    asked = _Question(
        anchors=tuple(anchor.certificate for anchor in listed), crls=tuple(crls), at=at, clock=clock
    )
    try:
        report = _by_format(data, content, asked, limits)
    except InputError:
        raise
    except Exception:  # noqa: BLE001  # rule: any exception is INDETERMINATE
        return problem("signature.unexpected")
    return with_anchor_kinds(report, listed)


class _Question(TypedDict):
    """What every inspection is asked with."""

    anchors: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    at: datetime | None
    clock: Clock | None


def _by_format(
    data: bytes, content: BinaryIO | None, asked: _Question, limits: ValidationLimits
) -> ValidationReport:
    text = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if content is not None:
        return inspect_cades(data, content, **asked)
    if b"%PDF-" in data[:_HEAD]:
        return inspect_pdf(data, limits=limits, **asked)
    if text[:1] == b"<":
        return inspect_xml(data, **asked)
    if text[:1] in {b"{", b"["} or text[:3] == b"eyJ":
        return inspect_jws(data, **asked)
    is_cms = data[:1] == b"\x30" or text[:5] == b"-----"
    return problem("signature.content_missing" if is_cms else "signature.unreadable")
