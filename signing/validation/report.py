"""What validation finds, in the words of ETSI EN 319 102-1 §5.1.3: an indication for each signature, and why.

The three indications answer one question: may this signature be relied on?

* ``TOTAL-PASSED``: it is intact, covers what is shown, and its certificate leads to an anchor **that the caller
  trusts**. It does not say that the anchor deserves that trust, nor that the content is true.
* ``TOTAL-FAILED``: the signed bytes were changed, or what is shown is not what was signed, or the certificate
  was revoked before it signed.
* ``INDETERMINATE``: not decided. Anything unknown, unreadable or unexpected ends here, never above.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ekyc.outcomes import Check, Outcome, worst
from ekyc.values import Redacted


class Indication(StrEnum):
    """ETSI EN 319 102-1 §5.1.3, main indication."""

    TOTAL_PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    TOTAL_FAILED = "TOTAL-FAILED"


class SignatureKind(StrEnum):
    """What the entry in the PDF is."""

    SIGNATURE = "signature"
    DOCUMENT_TIMESTAMP = "document-timestamp"


class Integrity(StrEnum):
    """Whether the key of the signer's certificate signed these very bytes."""

    INTACT = "INTACT"
    BROKEN = "BROKEN"
    UNKNOWN = "UNKNOWN"


class Coverage(StrEnum):
    """How much of the file the signature covers."""

    ENTIRE_FILE = "ENTIRE_FILE"
    ENTIRE_REVISION = "ENTIRE_REVISION"
    """Everything up to the end of its revision; further revisions follow."""
    PARTIAL = "PARTIAL"
    """Less, or a gap larger than the signature itself. Never acceptable."""


class Modifications(StrEnum):
    """What was added to the file after the signature, in order of harm."""

    NONE = "NONE"
    LTA_UPDATES = "LTA_UPDATES"
    """Revocation data and document timestamps."""
    LATER_SIGNATURES = "LATER_SIGNATURES"
    """Only fields of later signatures, each of which is TOTAL-PASSED itself."""
    FORM_FILLING = "FORM_FILLING"
    ANNOTATIONS = "ANNOTATIONS"
    OTHER = "OTHER"
    """Something that no rule explains."""


class ChangeKind(StrEnum):
    """Kinds of what a revision of a PDF adds to the one before."""

    SIGNATURE = "signature"
    DOCUMENT_TIMESTAMP = "document-timestamp"
    SIGNATURE_FIELD = "signature-field"
    """An empty one, for somebody who signs later."""
    SIGNATURE_REMOVED = "signature-removed"
    VALIDATION_DATA = "validation-data"
    """Certificates and revocation data (DSS)."""
    FIELD_ADDED = "field-added"
    FIELD_FILLED = "field-filled"
    FIELD_LOOK = "field-look"
    """The value stayed, something about the field did not."""
    FIELD_REMOVED = "field-removed"
    FORM_SETTING = "form-setting"
    PAGE_ADDED = "page-added"
    PAGE_REMOVED = "page-removed"
    PAGES_MOVED = "pages-moved"
    PAGE_CONTENT = "page-content"
    PAGE_RESOURCES = "page-resources"
    """Fonts, pictures, forms that the content paints with."""
    PAGE_ATTRIBUTE = "page-attribute"
    ANNOTATION_ADDED = "annotation-added"
    ANNOTATION_CHANGED = "annotation-changed"
    ANNOTATION_REMOVED = "annotation-removed"
    LAYERS = "layers"
    SCRIPTS = "scripts"
    NAMES = "names"
    METADATA = "metadata"
    CATALOGUE = "catalogue"
    CATALOGUE_SWITCHED = "catalogue-switched"
    """Another object is the root of the document now."""
    OBJECTS_FREED = "objects-freed"
    OTHER_OBJECTS = "other-objects"
    """Objects that lead to nothing above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that a revision changed."""

    kind: ChangeKind
    page: int | None = None
    """From one, as the pages are counted in that revision; of a removed page, in the one before."""
    subject: str | None = None
    """Name of the field, kind of the annotation, key of the entry: from the file."""
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision of a PDF."""

    number: int
    """From one."""
    changes: tuple[Change, ...]
    """Against the revision before; told of those behind the first signature."""


class AnchorKind(StrEnum):
    """Whose root an anchor is, by the word of the operator who listed it."""

    NEAC = "NEAC"
    """The national root (public digital signatures)."""
    OFFICIAL_DUTY = "official-duty"
    """Specialised signatures of agencies (Ban Cơ yếu Chính phủ)."""
    TEST = "test"
    """Proves nothing to anybody."""
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What the signer's certificate says of itself: claims, unless the indication is TOTAL-PASSED."""

    subject: Redacted[str]
    issuer: str
    serial: str
    """Hexadecimal."""
    not_before: datetime
    not_after: datetime
    key: str
    """Algorithm and size, such as ``EC secp256r1``, ``RSA 3072``."""
    key_usage: tuple[str, ...]
    purposes: tuple[str, ...]
    """Extended key usages; empty: any."""
    policies: tuple[str, ...]
    """Object identifiers of the issuer's policies."""
    has_qc_statements: bool
    """Whether the issuer states anything by RFC 3739 §3.2.6."""
    sha256: str


class Shown(StrEnum):
    """What the pages show now, against what they showed when they were signed, in order of harm."""

    SAME = "SAME"
    LATER_SIGNATURES = "LATER_SIGNATURES"
    """Appearances of later signatures were added on blank ground."""
    ADDED = "ADDED"
    """Annotations or form fields on blank ground, or ones that are not seen."""
    COVERED = "COVERED"
    """A later signature's appearance covers something that was shown."""
    UNKNOWN = "UNKNOWN"
    """Could not be compared within the bounds."""
    DISAGREEMENT = "DISAGREEMENT"
    """Two parsers do not find the same in the file."""
    CHANGED = "CHANGED"
    """Pages were added, removed or changed, or something that was shown is covered or replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampReport:
    """The RFC 3161 timestamp of a signature."""

    indication: Indication
    sub_indication: str | None
    time: datetime
    """What the token says; proves something only if ``indication`` is TOTAL-PASSED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureReport:
    """One signature or document timestamp of a file."""

    field_name: str
    kind: SignatureKind
    indication: Indication
    sub_indication: str | None
    """Name in EN 319 102-1, e.g. ``HASH_FAILURE``; ``None`` when passed."""
    integrity: Integrity
    coverage: Coverage | None
    modifications: Modifications | None
    signer_subject: Redacted[str] | None
    """Subject of the signer's certificate. A claim, unless the indication is TOTAL-PASSED."""
    anchor_subject: str | None
    """The trust anchor that the chain ended at, if it did."""
    claimed_time: datetime | None
    """What the signer's machine said. Proves nothing."""
    timestamp: TimestampReport | None
    checks: tuple[Check, ...]
    shown: Shown | None = None
    """By the differential rule; ``None`` where it was not applied. PDF alone."""
    changed_pages: tuple[int, ...] = ()
    """Pages, from one, that show something else now than when they were signed."""
    revision: int | None = None
    """The revision that the signature covers, from one. PDF alone."""
    covered_bytes: int | None = None
    """Size of the file when it was signed: the signature says nothing of what follows. PDF alone."""
    algorithm: str | None = None
    """The signature's, as asn1crypto names it, with its digest."""
    certificate: CertificateFacts | None = None
    anchor_kind: AnchorKind | None = None
    """What the operator says of the anchor; ``None`` where no chain ended at one, or nobody was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationReport:
    """Everything that validation found in one file."""

    signatures: tuple[SignatureReport, ...]
    document_timestamps: tuple[SignatureReport, ...]
    problems: tuple[Check, ...]
    """What is wrong with the file as a whole; empty if every signature could be looked at."""
    revisions: tuple[Revision, ...] = ()
    """All revisions of a PDF with what each changed; empty for other formats, and where it cannot be told."""

    def changes_after(self, entry: SignatureReport) -> tuple[Revision, ...]:
        """The revisions behind the one that a signature covers."""
        after = entry.revision
        return () if after is None else tuple(r for r in self.revisions if r.number > after)

    @property
    def outcome(self) -> Outcome:
        """PASSED only if there is a signature and nothing in the file is less than TOTAL-PASSED."""
        entries = (*self.signatures, *self.document_timestamps)
        indications = {entry.indication for entry in entries}
        if Indication.TOTAL_FAILED in indications:
            return Outcome.FAILED
        if self.problems:
            return worst(problem.outcome for problem in self.problems)
        if self.signatures and indications == {Indication.TOTAL_PASSED}:
            return Outcome.PASSED
        return Outcome.INDETERMINATE

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks of all signatures, merged by id: worst outcome, all reasons, the fields concerned."""
        entries = (*self.signatures, *self.document_timestamps)
        return (*self.problems, *_merged(entries))


def _merged(entries: Iterable[SignatureReport]) -> list[Check]:
    found: dict[str, list[tuple[str, Check]]] = {}
    for entry in entries:
        for check in entry.checks:
            found.setdefault(check.id, []).append((entry.field_name, check))
    return [_merge(check_id, pairs) for check_id, pairs in found.items()]


def _merge(check_id: str, pairs: list[tuple[str, Check]]) -> Check:
    outcome = worst(check.outcome for _, check in pairs)
    return Check(
        id=check_id,
        outcome=outcome,
        reasons=tuple(dict.fromkeys(code for _, check in pairs for code in check.reasons)),
        subjects=tuple(dict.fromkeys(name for name, check in pairs if check.reasons)),
        duration_ms=sum(check.duration_ms for _, check in pairs),
    )
