"""The examination of the signatures of one file; its steps stand in :mod:`ekyc.signing.validation.pdf`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from ekyc.imaging.pdf_views import ViewLimits
from ekyc.outcomes import Check
from ekyc.signing.validation import conclude, revisions, trust, two_parsers
from ekyc.signing.validation.certificate_facts import facts_of
from ekyc.signing.validation.changes import list_revisions
from ekyc.signing.validation.report import (
    Coverage,
    Indication,
    Integrity,
    Revision,
    SignatureKind,
    SignatureReport,
)
from ekyc.values import Redacted

_SUBFILTERS: Final = {
    ("/Sig", "/ETSI.CAdES.detached"),
    ("/Sig", "/adbe.pkcs7.detached"),
    ("/DocTimeStamp", "/ETSI.RFC3161"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A signature field that holds something."""

    name: str
    reference: Any
    """pyHanko's reference to the field's dictionary."""


class Examiner:
    """Looks at the signatures of one open file."""

    def __init__(
        self,
        data: bytes,
        reader: PdfFileReader,
        settings: trust.TrustSettings,
        comparison: ViewLimits | None,
    ) -> None:
        """Take one open file; ``comparison`` bounds the differential rule, ``None`` leaves it out."""
        self._data = data
        self._reader = reader
        self._settings = settings
        self._comparison = comparison
        self._analysed: set[int] = set()
        self.revisions: tuple[Revision, ...] = ()
        """All revisions with what they changed, once :meth:`examine` has run; nothing where pyHanko cannot tell."""
        self._parsers: two_parsers.TwoParsers | None = None
        self._clean_tail = revisions.has_clean_tail(data, reader)

    async def examine(self, fields: list[Field]) -> list[SignatureReport]:
        """Report on each field, in the order of the revisions that signed them; unreadable ones come last."""
        readable: list[EmbeddedPdfSignature] = []
        unreadable: list[SignatureReport] = []
        for field in fields:
            try:
                signature = EmbeddedPdfSignature(self._reader, field.reference, field.name)
                readable.append(_require_known_format(signature))
            except Exception:  # noqa: BLE001  # rule: whatever happens in a parser never passes
                unreadable.append(_unreadable(field.name))
        for signature in readable:
            # Before anything else is read: pyHanko 0.38 cannot look back to a revision once later parts of a security
            # store have been decoded ("No container reference available", Signature-P-DE_SCI-4 of DSS).
            with suppress(Exception):
                signature.compute_integrity_info()  # type: ignore[no-untyped-call]  # untyped in pyHanko 0.38
                self._analysed.add(id(signature))
        self.revisions = _listed(self._reader, readable)
        readable.sort(key=lambda signature: int(signature.signed_revision), reverse=True)
        if self._comparison is not None:
            sound = [s for s in readable if revisions.has_exact_byte_range(self._data, s)]
            self._parsers = two_parsers.TwoParsers(self._data, sound, self._comparison)
        later = {entry.field_name: entry.indication for entry in unreadable}
        reports: list[SignatureReport] = []
        for signature in readable:
            report = await self._examine_one(signature, later)
            later[report.field_name] = report.indication
            reports.append(report)
        return [*reversed(reports), *unreadable]

    async def _examine_one(
        self, signature: EmbeddedPdfSignature, later: Mapping[str, Indication]
    ) -> SignatureReport:
        shown: revisions.Finding | None = None
        signer: trust.Finding | None = None
        compared: two_parsers.Finding | None = None
        watch = conclude.Watch()
        try:
            integrity = _integrity(signature)  # (2)
        except Exception:  # noqa: BLE001  # rule: whatever happens in a parser never passes
            integrity = conclude.unknown("GENERIC", "signature.unexpected")
        integrity = replace(integrity, check=watch.timed(integrity.check))
        if integrity.value is Integrity.INTACT:
            # Each by itself: where one parser gives up, what the other sees is wanted all the more.
            with suppress(Exception):  # (3) the same rule: without a finding nothing passes
                shown = self._judge_shown(signature, later)
                shown = replace(shown, check=watch.timed(shown.check))
            with suppress(Exception):
                compared = self._compare(signature)
                compared = compared and replace(compared, check=watch.timed(compared.check))
            with suppress(Exception):  # (4)
                signer = await self._judge_signer(signature)
                signer = replace(signer, check=watch.timed(signer.check))
        hybrid = self._reader.xrefs.hybrid_xrefs_present
        excuse = "signature.hybrid" if hybrid else "signature.unexpected"
        findings = _Findings(
            integrity=integrity,
            shown=shown,
            signer=signer,
            compared=compared,
            asked_to_compare=self._parsers is not None,
        )
        return _report(signature, findings, excuse=excuse)

    def _compare(self, signature: EmbeddedPdfSignature) -> two_parsers.Finding | None:
        """The differential rule, where the byte range is such that there is a revision to compare."""
        if self._parsers is None or not revisions.has_exact_byte_range(self._data, signature):
            return None
        return self._parsers.judge(signature)

    def _judge_shown(
        self, signature: EmbeddedPdfSignature, later: Mapping[str, Indication]
    ) -> revisions.Finding:
        if id(signature) not in self._analysed:
            raise ValueError("pyHanko could not tell what was added after it")
        return revisions.judge(
            self._data,
            signature,
            clean_tail=self._clean_tail,
            kept_settings=revisions.keeps_form_settings(self._reader, signature),
            later=later,
        )

    async def _judge_signer(self, signature: EmbeddedPdfSignature) -> trust.Finding:
        if _kind(signature) is SignatureKind.DOCUMENT_TIMESTAMP:
            return await trust.judge_document_timestamp(signature, self._settings)
        return await trust.judge_signature(signature, self._settings)


def _listed(reader: PdfFileReader, signatures: list[EmbeddedPdfSignature]) -> tuple[Revision, ...]:
    """What each revision changed: no verdict hangs on it."""
    try:
        signed = min(int(signature.signed_revision) for signature in signatures) + 1
        return list_revisions(reader, signed=signed)
    except Exception:  # noqa: BLE001  # only described: the rules decide
        return ()


def _require_known_format(signature: EmbeddedPdfSignature) -> EmbeddedPdfSignature:
    """Refuse signature types that are not understood, rather than pass them over in silence."""
    found = (signature.sig_object_type, signature.sig_object.get("/SubFilter"))
    carries_content = _encapsulated(signature).native is not None
    if found not in _SUBFILTERS or carries_content != (found[0] == "/DocTimeStamp"):
        raise ValueError("not a signature format that is validated here")
    return signature


def _encapsulated(signature: Any) -> Any:
    """The content carried inside the CMS; asn1crypto publishes no types."""
    return signature.signed_data["encap_content_info"]["content"]


def _algorithm(signature: Any) -> str:
    """asn1crypto's name of the signature algorithm, or the dotted identifier of one it does not know."""
    return str(signature.signer_info["signature_algorithm"]["algorithm"].native)


def _integrity(signature: EmbeddedPdfSignature) -> conclude.IntegrityFinding:
    """Step (2): digest of the byte range and signature value. Asks nothing about trust."""
    if not conclude.is_known_algorithm(_algorithm(signature)):
        return conclude.unknown("CRYPTO_CONSTRAINTS_FAILURE", "signature.algorithm_unknown")
    digest = signature.compute_digest()
    content_type = "data"
    imprint_matches = True
    if _kind(signature) is SignatureKind.DOCUMENT_TIMESTAMP:
        content = _encapsulated(signature)
        imprint_matches = content.parsed["message_imprint"]["hashed_message"].native == digest
        digest = hashlib.new(signature.md_algorithm, bytes(content)).digest()
        content_type = "tst_info"
    try:
        intact, valid = validate_sig_integrity(
            signature.signer_info, signature.signer_cert, content_type, digest
        )
    except SignatureValidationError as exc:
        name = str(exc.ades_subindication.standard_name)
        return conclude.unknown(name, trust.reason_for(name))
    if intact and valid and imprint_matches:
        return conclude.intact()
    return conclude.broken("SIG_CRYPTO_FAILURE" if intact and imprint_matches else "HASH_FAILURE")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """What the steps found; ``None`` for a step that was not taken, or that ended in an exception."""

    integrity: conclude.IntegrityFinding
    shown: revisions.Finding | None
    signer: trust.Finding | None
    compared: two_parsers.Finding | None
    asked_to_compare: bool

    def concluded(self) -> tuple[Indication, str | None]:
        return conclude.worst_news(
            [
                *conclude.news_of_integrity(self.integrity),
                *conclude.news_of_shown(self.shown),
                *conclude.news_of_compared(self.compared, asked=self.asked_to_compare),
                *conclude.news_of_signer(self.signer),
            ]
        )

    def checks(self, kind: SignatureKind, excuse: str) -> tuple[Check, ...]:
        """In the order of the steps; ``excuse`` is the reason for a finding that is missing."""
        checks = [self.integrity.check]
        intact = self.integrity.value is Integrity.INTACT
        if self.shown is not None:
            checks.append(self.shown.check)
        elif intact:
            checks.append(conclude.undecided(revisions.CHECK_ID, excuse))
        if self.compared is not None:
            checks.append(self.compared.check)
        elif intact and self.asked_to_compare:
            checks.append(conclude.undecided(two_parsers.CHECK_ID, "signature.not_compared"))
        elif intact:
            checks.append(two_parsers.not_performed())
        if self.signer is not None:
            checks.append(self.signer.check)
            if kind is SignatureKind.SIGNATURE:
                checks.append(conclude.timestamp_check(self.signer.timestamp))
        elif intact:
            checks.append(conclude.undecided(trust.CHECK_ID, excuse))
        return tuple(checks)


def _report(
    signature: EmbeddedPdfSignature, findings: _Findings, *, excuse: str
) -> SignatureReport:
    """Put the findings together."""
    indication, sub_indication = findings.concluded()
    kind = _kind(signature)
    shown, signer, compared = findings.shown, findings.signer, findings.compared
    return SignatureReport(
        field_name=signature.field_name,
        kind=kind,
        indication=indication,
        sub_indication=sub_indication,
        integrity=findings.integrity.value,
        coverage=shown.coverage if shown else None,
        modifications=shown.modifications if shown else None,
        signer_subject=_subject(signature),
        anchor_subject=signer.anchor_subject if signer else None,
        claimed_time=_claimed_time(signature),
        timestamp=signer.timestamp if signer else None,
        checks=findings.checks(kind, excuse),
        shown=compared.shown if compared else None,
        changed_pages=compared.pages if compared else (),
        revision=_revision(signature),
        covered_bytes=_covered(signature, shown),
        algorithm=_described_algorithm(signature),
        certificate=facts_of(signature.signer_cert),
    )


def _unreadable(field_name: str) -> SignatureReport:
    return SignatureReport(
        field_name=field_name,
        kind=SignatureKind.SIGNATURE,
        indication=Indication.INDETERMINATE,
        sub_indication="FORMAT_FAILURE",
        integrity=Integrity.UNKNOWN,
        coverage=None,
        modifications=None,
        signer_subject=None,
        anchor_subject=None,
        claimed_time=None,
        timestamp=None,
        checks=(conclude.undecided(conclude.INTEGRITY_CHECK_ID, "signature.unreadable"),),
    )


def _kind(signature: EmbeddedPdfSignature) -> SignatureKind:
    if signature.sig_object_type == "/DocTimeStamp":
        return SignatureKind.DOCUMENT_TIMESTAMP
    return SignatureKind.SIGNATURE


def _revision(signature: EmbeddedPdfSignature) -> int | None:
    try:
        return int(signature.signed_revision) + 1
    except Exception:  # noqa: BLE001  # only described; the rules ask by themselves
        return None


def _covered(signature: EmbeddedPdfSignature, shown: revisions.Finding | None) -> int | None:
    sound = shown is not None and shown.coverage is not Coverage.PARTIAL
    return two_parsers.signed_end(signature) if sound else None


def _described_algorithm(signature: EmbeddedPdfSignature) -> str | None:
    try:
        return f"{_algorithm(signature)} / {signature.md_algorithm}"
    except Exception:  # noqa: BLE001  # only described; the integrity check says what is wrong
        return None


def _subject(signature: EmbeddedPdfSignature) -> Redacted[str] | None:
    try:
        return Redacted(str(signature.signer_cert.subject.human_friendly))
    except Exception:  # noqa: BLE001  # only described; its absence is reported elsewhere
        return None


def _claimed_time(signature: EmbeddedPdfSignature) -> datetime | None:
    try:
        return signature.self_reported_timestamp
    except Exception:  # noqa: BLE001  # only described; proves nothing anyway
        return None
