"""Is what the file shows what was signed? Rules of ours on top of pyHanko's.

pyHanko 0.38 accepts one of nine known incremental-saving attacks (``isa_B``: a body appended without a closing
``%%EOF``, which it does not see and every viewer shows) and one known shadow attack (form filling that replaces
content). So:

* **Byte-range rule**: one gap, filled exactly by the signature's own ``/Contents``; nothing beyond the file's end.
* **Tail rule**: after the last ``startxref N %%EOF`` there is white space only, ``N`` is where the parser began, and between
  the two lies no other ending: a whole update may hide behind an ending that points back.
* **Level rule**: after the signature only revocation data and document timestamps were added, or fields of later
  signatures that are themselves TOTAL-PASSED. Anything else is INDETERMINATE: pyHanko's analysis knows what is
  harmless, not what is harmful, and it raises false alarms (``Signature-P-DE_SCI-4`` of DSS: renumbered objects).
  It takes new fonts, colours and alignment for all fields of a form for an update for long-term validation; where there
  are fields to be painted with them, we do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from ekyc.outcomes import Check, Outcome
from ekyc.signing.validation.report import Coverage, Indication, Modifications

CHECK_ID: Final = "signature.unchanged"

_WHITE_SPACE: Final = b"\x00\t\n\x0c\r "
_LAST_LINES: Final = re.compile(rb"startxref[\s\x00]+(\d{1,12})[\s\x00]+%%EOF\Z")
_LONGEST_LAST_LINES: Final = 128
_OTHER_ENDING: Final = re.compile(rb"startxref(?![\s\x00]+0[\s\x00])")
"""Not the ``startxref 0`` in the midst of a linearised file (ISO 32000-2 annex F)."""

_COVERAGE: Final = {
    SignatureCoverageLevel.ENTIRE_FILE: Coverage.ENTIRE_FILE,
    SignatureCoverageLevel.ENTIRE_REVISION: Coverage.ENTIRE_REVISION,
}
_MODIFICATIONS: Final = {
    ModificationLevel.NONE: Modifications.NONE,
    ModificationLevel.LTA_UPDATES: Modifications.LTA_UPDATES,
    ModificationLevel.FORM_FILLING: Modifications.FORM_FILLING,
    ModificationLevel.ANNOTATIONS: Modifications.ANNOTATIONS,
}
_TO_BE_LOOKED_AT: Final = {
    Modifications.FORM_FILLING: "signature.later_changes",
    Modifications.ANNOTATIONS: "signature.later_changes",
    Modifications.OTHER: "signature.changed_after_signing",
}
_FORM_SETTINGS: Final = ("/DA", "/DR", "/NeedAppearances", "/Q")
"""By which readers paint the fields of a form (ISO 32000-2 table 224)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the rules say of one signature."""

    coverage: Coverage
    modifications: Modifications
    check: Check


def has_clean_tail(data: bytes, reader: PdfFileReader) -> bool:
    """The tail rule."""
    kept = data.rstrip(_WHITE_SPACE)
    match = _LAST_LINES.search(kept[-_LONGEST_LAST_LINES:])
    if match is None or int(match[1]) != reader.last_startxref:
        return False
    before = len(kept) - (match.end() - match.start())
    return _OTHER_ENDING.search(kept, int(match[1]), before) is None


def has_exact_byte_range(data: bytes, signature: Any) -> bool:
    """The byte-range rule."""
    numbers = list(signature.byte_range)
    if len(numbers) != 4 or not all(isinstance(n, int) and n >= 0 for n in numbers):
        return False
    start, before, after, length = numbers
    if start != 0 or before >= after or after + length > len(data):
        return False
    gap = data[before:after]
    if gap[:1] != b"<" or gap[-1:] != b">":
        return False
    try:
        contents: bytes = signature.pkcs7_content
        return bytes.fromhex(gap[1:-1].decode("ascii")) == contents
    except ValueError:
        return False


def keeps_form_settings(reader: PdfFileReader, signature: EmbeddedPdfSignature) -> bool:
    """Whether fields that are no signatures would be painted now as when it was signed; true where there are none."""
    signed: Any = reader.get_historical_resolver(int(signature.signed_revision)).root
    before, after = signed["/AcroForm"], reader.root["/AcroForm"]
    if all(_is_signature_field(field.get_object()) for field in before["/Fields"]):
        return True
    return all(_raw(before, key) == _raw(after, key) for key in _FORM_SETTINGS)


def _is_signature_field(field: Any) -> bool:
    return "/FT" in field and field["/FT"] == "/Sig"


def _raw(holder: Any, key: str) -> Any:
    """An entry as it stands: what a reference leads to is for pyHanko's analysis."""
    return holder.raw_get(key) if key in holder else None


def judge(
    data: bytes,
    signature: EmbeddedPdfSignature,
    *,
    clean_tail: bool,
    kept_settings: bool,
    later: Mapping[str, Indication],
) -> Finding:
    """Apply the three rules to a signature whose integrity information pyHanko has computed.

    Args:
        data: the whole file.
        signature: the signature in question.
        clean_tail: what :func:`has_clean_tail` says of the file.
        kept_settings: what :func:`keeps_form_settings` says of the signature.
        later: indications of the signatures in later revisions, by field name.
    """
    level = signature.coverage
    coverage = Coverage.PARTIAL
    if level is not None and has_exact_byte_range(data, signature):
        coverage = _COVERAGE.get(level, Coverage.PARTIAL)
    modifications = _modifications(signature, later) if kept_settings else Modifications.OTHER
    return Finding(
        coverage=coverage,
        modifications=modifications,
        check=_check(coverage, modifications, clean_tail=clean_tail),
    )


def _modifications(
    signature: EmbeddedPdfSignature, later: Mapping[str, Indication]
) -> Modifications:
    difference: Any = signature.diff_result
    if not isinstance(difference, DiffResult) or not _permits(signature, difference):
        return Modifications.OTHER
    level = _MODIFICATIONS.get(difference.modification_level, Modifications.OTHER)
    changed = difference.changed_form_fields
    signed_later = all(later.get(name) is Indication.TOTAL_PASSED for name in changed)
    if level is Modifications.FORM_FILLING and changed and signed_later:
        return Modifications.LATER_SIGNATURES
    return level


def _permits(signature: EmbeddedPdfSignature, difference: DiffResult) -> bool:
    """Whether the signature's own DocMDP level (ISO 32000-2 §12.8.2.2) allows what was added."""
    permitted = signature.docmdp_level
    return permitted is None or difference.modification_level.value <= permitted.value


def _check(coverage: Coverage, modifications: Modifications, *, clean_tail: bool) -> Check:
    failed: list[str] = []
    if not clean_tail:
        failed.append("signature.tail")
    if coverage is Coverage.PARTIAL:
        failed.append("signature.coverage")
    if failed:
        return Check(id=CHECK_ID, outcome=Outcome.FAILED, reasons=tuple(failed))
    reason = _TO_BE_LOOKED_AT.get(modifications)
    if reason is not None:
        return Check(id=CHECK_ID, outcome=Outcome.INDETERMINATE, reasons=(reason,))
    return Check(id=CHECK_ID, outcome=Outcome.PASSED)
