"""Signed PDFs of other makers and attacks on them: what do we say of each, beside what is documented of it?

``dss_pades`` is EU DSS with the verdicts of its tests (``expected.csv``); ``pdf_insecurity_isa_usf`` are incremental-saving
and signature-forging attacks. Whoever's certificates a file carries as authorities are trusted here, so that a file can
pass at all; each is judged now and as of ten minutes after it says it was signed, and the better outcome counts. The files
carry few words on revocation. So they are judged twice: as anybody would (``ours``), and with status not asked for
(``unasked``), where the rules on PDF alone decide.
"""

from __future__ import annotations

import csv
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asn1crypto import cms
from pyhanko_certvalidator.policy_decl import NO_REVOCATION

from ekyc.outcomes import Outcome
from ekyc.signing import ValidationLimits, ValidationReport, inspect_pdf
from ekyc.signing.validation import trust
from ekyc.signing.validation.revisions import CHECK_ID as UNCHANGED
from ekyc.signing.validation.two_parsers import CHECK_ID as SHOWN

if TYPE_CHECKING:
    from ekyc.benchmarks.recorder import Recorder

DSS: Final = "sign/dss_pades"
ATTACKS: Final = "sign/pdf_insecurity_isa_usf"
"""Below the folder of ``--data``."""
_HOLE: Final = re.compile(rb"/Contents\s*<([0-9A-Fa-f\s]+)>")
_RANGE: Final = re.compile(rb"/ByteRange\s*\[\s*0\s+\d+\s+(\d+)\s+(\d+)\s*\]")
_LATER: Final = timedelta(minutes=10)
_REFUSED: Final = frozenset({"ALTERED", "MALFORMED", "UNSIGNED"})
_NO_COMPARISON: Final = ValidationLimits(comparison=None)
_UNTRUSTED_STAMP: Final = "whoever vouches for the document timestamp is not in the file, so that it cannot excuse what it changed"
_HYBRID: Final = (
    "hybrid cross-references: readers old and new see other objects; a person has to look"
)
_PAST: Final = "the certificate is out of its time and no timestamp proves an earlier one"
_OLD_FORM: Final = (
    "a form of signature that is not judged here (adbe.pkcs7.sha1, withdrawn by ISO 32000-2)"
)
_REMARKS: Final[dict[str, str]] = {
    "PAdES-LT.pdf": _HYBRID,
    "Signature-P-DE_SCI-4.pdf": "a library renumbered the page's resources later: not explained, though the pages are the same",
    "Signature-P-HU_POL-3.pdf": _UNTRUSTED_STAMP,
    "doc-firmado-T.pdf": _PAST,
    "doc-firmado.pdf": _UNTRUSTED_STAMP,
    "dss-2058_dss-2058-LTA-test.pdf": _UNTRUSTED_STAMP,
    "dss-PLAIN-ECDSA_TeleSec_PKS_eIDAS_QES_CA_1-baseline-b.pdf": "plain ECDSA (BSI TR-03111) is not judged here",
    "hello_signed_INCSAVE_signed.pdf": "its cross-reference sections shrink: one of our parsers refuses the file",
    "muestra-firmado-firmado.pdf": _UNTRUSTED_STAMP,
    "pades-tst-with-null-type.pdf": "a document timestamp without its type is a form that is not judged here",
    "pades-two-sig-copied-tst.pdf": f"{_PAST}; the copied timestamp is called wrong",
    "pdf-double-signer-info.pdf": "two signers in one CMS: ETSI EN 319 142-1 allows one",
    "pdf-structtreeroot-changes.pdf": _HYBRID,
    "pkcs7-no-message-digest.pdf": "SHA-1",
    "SignatureVlidationTest.pdf": _OLD_FORM,
    "isa_G.pdf, as it was signed": _OLD_FORM,
}
"""Why a file that is documented as intact does not pass, even where status is not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfRow:
    """One file."""

    name: str
    documented: str
    """``INTACT``, ``INTACT_WITH_LATER_SIGNATURE``, ``ALTERED``, ``MALFORMED``, ``UNSIGNED``, ``UNDOCUMENTED``."""
    ours: str
    """Outcome of the file as anybody would judge it."""
    unasked: str
    """Outcome with status not asked for."""
    signatures: tuple[str, ...]
    """Of each signature, status not asked for: field, indication, sub-indication, integrity, changes, what is shown."""
    reasons: tuple[str, ...]
    failed_for_modification: bool

    @property
    def remark(self) -> str:
        return _REMARKS.get(self.name, "")


def own_authorities(data: bytes) -> list[bytes]:
    """Every authority whose certificate the file itself carries: as trusting as a validator can be."""
    found: set[bytes] = set()
    for hole in _HOLE.finditer(data):
        try:
            content = cms.ContentInfo.load(bytes.fromhex(hole[1].decode()))["content"]
            choices = [choice for choice in content["certificates"] if choice.name == "certificate"]
            found |= {
                c.chosen.dump() for c in choices if c.chosen.ca or c.chosen.self_signed != "no"
            }
        except (ValueError, TypeError, KeyError):
            continue
    return sorted(found)


def rows(folder: Path) -> list[PdfRow]:
    """Every file of ``expected.csv``, in its order."""
    with (folder / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["file"]: row["expected_for_us"] for row in csv.DictReader(file)}
    return [_row(name, (folder / name).read_bytes(), said) for name, said in expected.items()]


def attacks(folder: Path) -> list[PdfRow]:
    """The attacks, and beside each the signed file that it began as: what its signature covers, where that is whole."""
    found: list[PdfRow] = []
    for path in sorted(folder.rglob("*.pdf")):
        data = path.read_bytes()
        attacked = path.name.startswith(("isa_", "usf_"))
        found.append(_row(path.name, data, "ALTERED" if attacked else "INTACT"))
        ranges = _RANGE.search(data)
        end = int(ranges[1]) + int(ranges[2]) if ranges else 0
        if attacked and 0 < end < len(data):
            found.append(_row(f"{path.name}, as it was signed", data[:end], "INTACT"))
    return found


def record(recorder: Recorder, data: Path) -> None:
    """Both tables as raw observations, and what must hold of them."""
    for table, found in (("dss", rows(data / DSS)), ("attacks", attacks(data / ATTACKS))):
        for row in found:
            recorder.observe(
                table=table,
                file=row.name,
                documented=row.documented,
                ours=row.ours,
                unasked=row.unasked,
                signatures=list(row.signatures),
                reasons=list(row.reasons),
                remark=row.remark,
            )
        intact = [row for row in found if row.documented.startswith("INTACT")]
        refused = [row for row in found if row.documented in _REFUSED]
        wronged = sum(row.failed_for_modification for row in intact)
        let_in = sum("PASSED" in (row.ours, row.unasked) for row in refused)
        recorder.exact(f"{table}.intact_failed", wronged, n=len(intact), unit="files")
        recorder.exact(f"{table}.altered_passed", let_in, n=len(refused), unit="files")
        recorder.must(f"{table}.intact_failed", at_most=0)
        recorder.must(f"{table}.altered_passed", at_most=0)
        recorder.rate(
            f"{table}.intact_passed_unasked",
            sum(r.unasked == "PASSED" for r in intact),
            len(intact),
        )


def cost_ms(pdf: bytes, anchors: list[bytes], *, compared: bool, repetitions: int) -> list[float]:
    """CPU milliseconds of one validation that passes, with the processes that it asks.

    Raises:
        AssertionError: it does not pass; a benchmark of such validations would measure the wrong thing.
    """
    limits = ValidationLimits() if compared else _NO_COMPARISON
    measured: list[float] = []
    for repetition in range(repetitions + 1):
        before = _cpu_s()
        report = inspect_pdf(pdf, anchors=anchors, limits=limits)
        spent = _cpu_s() - before
        if report.outcome is not Outcome.PASSED:
            raise AssertionError("only validations that pass are measured")
        if repetition:
            measured.append(spent * 1000)
    return measured


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _row(name: str, data: bytes, documented: str) -> PdfRow:
    ours = _judged(data)
    with _status_unasked():
        unasked = _judged(data)
    best = _best(unasked)
    entries = (*best.signatures, *best.document_timestamps)
    return PdfRow(
        name=name,
        documented=documented,
        ours=_best(ours).outcome.value,
        unasked=best.outcome.value,
        signatures=tuple(
            f"{entry.field_name}: {entry.indication.value} {entry.sub_indication or ''}"
            f" {entry.integrity.value} {entry.modifications or '-'} {entry.shown or '-'}"
            for entry in entries
        ),
        reasons=tuple(dict.fromkeys(code for check in best.checks for code in check.reasons)),
        failed_for_modification=any(map(_is_failed_for_modification, (*ours, *unasked))),
    )


def _judged(data: bytes) -> list[ValidationReport]:
    """Now, and as of when it says it was signed."""
    anchors = own_authorities(data)
    report = inspect_pdf(data, anchors=anchors)
    times = [entry.claimed_time for entry in report.signatures if entry.claimed_time]
    if not times:
        return [report]
    return [report, inspect_pdf(data, anchors=anchors, at=max(times) + _LATER)]


def _best(reports: list[ValidationReport]) -> ValidationReport:
    order = (Outcome.PASSED, Outcome.INDETERMINATE, Outcome.NOT_PERFORMED, Outcome.FAILED)
    return min(reports, key=lambda report: order.index(report.outcome))


def _is_failed_for_modification(report: ValidationReport) -> bool:
    return any(
        check.outcome is Outcome.FAILED for check in report.checks if check.id in {UNCHANGED, SHOWN}
    )


@contextmanager
def _status_unasked() -> Iterator[None]:
    """No revocation data are asked for: of a validator in use nobody can wish that, so it is no setting of it."""
    rule = trust._REVOCATION  # noqa: SLF001  # of the validator under test
    setattr(trust, "_REVOCATION", NO_REVOCATION)  # noqa: B010  # a constant of the validator under test
    try:
        yield
    finally:
        setattr(trust, "_REVOCATION", rule)  # noqa: B010  # put back
