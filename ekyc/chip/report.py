"""What an inspection of chip data found: checks, coverage, and the identity that may be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ekyc.chip.active_auth import VerifiedActiveAuthentication
from ekyc.chip.chip_auth import VerifiedChipAuth
from ekyc.chip.contents import AdditionalDetails, FileContents, contents_as_json
from ekyc.chip.files import ElementaryFile
from ekyc.chip.identity import ChipIdentity
from ekyc.chip.lds.dg2 import FaceImage
from ekyc.chip.lds.security_infos import SecurityInfos
from ekyc.outcomes import Check, Outcome, worst
from ekyc.pki import Anchor, Certificate, ChainVerdict, Coverage, PassiveAuthentication
from ekyc.pki.passive_auth import ChainFinding, Finding, SignatureFinding

CHECK_STRUCTURE: Final = "chip.structure"
CHECK_SIGNATURE: Final = "chip.signature"
CHECK_HASHES: Final = "chip.hashes"
CHECK_CHAIN: Final = "chip.chain"
CHECK_ACTIVE_AUTHENTICATION: Final = "chip.active_authentication"
CHECK_CHIP_AUTHENTICATION: Final = "chip.chip_authentication"
CHECK_DG1_MATCHES_DG13: Final = "chip.dg1_matches_dg13"
DECIDING_CHECKS: Final = (CHECK_STRUCTURE, CHECK_SIGNATURE, CHECK_HASHES, CHECK_CHAIN)
"""Without these passed, nothing that the files say is proven; the other checks can only take away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipReport:
    """Everything found about one set of chip files. ``repr`` shows no personal data."""

    checks: tuple[Check, ...]
    submitted: tuple[ElementaryFile, ...]
    passive_authentication: PassiveAuthentication | None
    """None where EF.SOD is missing or unreadable."""
    active_authentication: VerifiedActiveAuthentication | None = None
    """Present only where the check passed."""
    chip_authentication: VerifiedChipAuth | None = None
    """Likewise."""
    identity: ChipIdentity | None = field(default=None, repr=False)
    """From covered groups only; None where the signature does not hold or the chain is refuted."""
    face: FaceImage | None = field(default=None, repr=False)
    """First image of a covered DG2, under the same conditions."""
    contents: tuple[FileContents, ...] = ()
    """What each readable file holds, counted and named; also of files that nobody vouches for."""
    details: AdditionalDetails | None = field(default=None, repr=False)
    """DG11, DG12 and DG16, under the conditions of ``identity``."""

    @property
    def portrait(self) -> bytes | None:
        """The encoded face (JPEG or JPEG 2000) of a covered DG2."""
        return self.face.encoded if self.face else None

    @property
    def portrait_proven(self) -> bool:
        """Whether the portrait is vouched for by a signer that chains to an installed anchor."""
        passive = self.passive_authentication
        chained = passive is not None and passive.chain.outcome is Outcome.PASSED
        return chained and self.face is not None

    @property
    def chain_verdict(self) -> ChainVerdict:
        """How far the signer was traced: NO_ANCHOR without EF.SOD or with an unsupported one, FAILED with a damaged one."""
        if self.passive_authentication:
            return self.passive_authentication.chain.chain.verdict
        unsupported = self.check(CHECK_CHAIN).outcome is Outcome.INDETERMINATE
        damaged = ElementaryFile.SOD in self.submitted and not unsupported
        return ChainVerdict.FAILED if damaged else ChainVerdict.NO_ANCHOR

    @property
    def data_groups(self) -> Mapping[int, Coverage]:
        """Coverage by data group number."""
        return self.passive_authentication.hashes.coverage if self.passive_authentication else {}

    def check(self, check_id: str) -> Check:
        """One check by its id.

        Raises:
            KeyError: no such check.
        """
        return {check.id: check for check in self.checks}[check_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFileReport:
    """Everything found about one signed file alone: EF.SOD or EF.CardSecurity."""

    file: ElementaryFile
    checks: tuple[Check, ...]
    signature: SignatureFinding
    chain: ChainFinding
    listed_data_groups: tuple[int, ...] = ()
    """EF.SOD: the groups that it would vouch for."""
    security_infos: SecurityInfos | None = None
    """EF.CardSecurity: its protocols, where the content could be read."""

    @property
    def chain_verdict(self) -> ChainVerdict:
        return self.chain.chain.verdict

    @property
    def outcome(self) -> Outcome:
        """Worst of the checks."""
        return worst(check.outcome for check in self.checks)


def as_check(check_id: str, finding: Finding) -> Check:
    """A finding under the id of its check."""
    return Check(
        id=check_id,
        outcome=finding.outcome,
        reasons=finding.reasons,
        subjects=finding.subjects,
        duration_ms=finding.duration_ms,
    )


def chip_report_as_json(report: ChipReport) -> dict[str, Any]:
    """JSON form without personal data: certificates of authorities, coverage, file names."""
    passive = report.passive_authentication
    active = report.active_authentication
    genuine = report.chip_authentication
    return {
        "submitted": [name.value for name in report.submitted],
        "passive_authentication": (
            passive_as_json(passive) if passive else _nothing_signed(report)
        ),
        "active_authentication": (
            {
                "scheme": active.protocol.scheme,
                "digest": active.protocol.digest,
                "key_bits": active.protocol.key_bits,
            }
            if active
            else None
        ),
        "chip_authentication": (
            {
                "method": genuine.protocol.method.value,
                "protocol": genuine.protocol.protocol,
                "key_bits": genuine.protocol.key_bits,
            }
            if genuine
            else None
        ),
        "portrait": {"format": report.face.format.value} if report.face else None,
        "contents": contents_as_json(report.contents),
    }


def signed_file_as_json(report: SignedFileReport) -> dict[str, Any]:
    """JSON form of a single signed file."""
    infos = report.security_infos
    return {
        "submitted": [report.file.value],
        "passive_authentication": signed_as_json(report.signature, report.chain),
        "listed_data_groups": [f"EF.DG{number}" for number in report.listed_data_groups],
        "protocols": [info.protocol for info in infos.infos] if infos else [],
    }


def passive_as_json(passive: PassiveAuthentication) -> dict[str, Any]:
    """JSON form of a whole passive authentication."""
    return {
        **signed_as_json(passive.signature, passive.chain),
        "digest": passive.hashes.digest,
        "data_groups": {
            f"EF.DG{number}": found.value for number, found in passive.hashes.coverage.items()
        },
    }


def _nothing_signed(report: ChipReport) -> dict[str, Any]:
    """The same keys where there is no readable EF.SOD."""
    chain = {
        "verdict": report.chain_verdict.value,
        "reasons": list(report.check(CHECK_CHAIN).reasons),
        "anchor": None,
        "roots": [],
    }
    return {"signature": None, "signer": None, "chain": chain, "digest": None, "data_groups": {}}


def signed_as_json(signature: SignatureFinding, chain: ChainFinding) -> dict[str, Any]:
    """JSON form of signature and chain."""
    evidence = signature.evidence
    return {
        "signature": {
            "outcome": signature.outcome.value,
            "reasons": list(signature.reasons),
            "scheme": evidence.signature.algorithm.scheme if evidence else None,
            "digest": evidence.signature.algorithm.digest if evidence else None,
            "curve": evidence.signature.curve if evidence else None,
            "key_bits": evidence.signature.key_bits if evidence else None,
            "weak": evidence.weak if evidence else None,
            "signing_time": (
                evidence.signing_time.isoformat() if evidence and evidence.signing_time else None
            ),
        },
        "signer": _certificate_as_json(signature.claimed_signer),
        "chain": {
            "verdict": chain.chain.verdict.value,
            "reasons": list(chain.reasons),
            "anchor": _anchor_as_json(chain.chain.anchor),
            "roots": [_anchor_as_json(anchor) for anchor in chain.chain.roots],
            "revocation": chain.chain.revocation.value,
            "deviations": [
                {"type": described.name, "text": described.text}
                for deviation in chain.chain.deviations
                for described in deviation.descriptions
            ],
        },
    }


def identity_as_json(identity: ChipIdentity) -> dict[str, Any]:
    """**Personal data in clear.** Only for the person's own terminal or an explicit request."""

    def revealed(value: Any) -> Any:  # fields are Redacted of str, date or tuple
        content = value.reveal()
        return list(content) if isinstance(content, tuple) else str(content)

    values = ((name, getattr(identity, name)) for name in identity.__dataclass_fields__)
    return {
        name: value if isinstance(value, str) else revealed(value)
        for name, value in values
        if value is not None
    }


def _anchor_as_json(anchor: Anchor | None) -> dict[str, Any] | None:
    if anchor is None:
        return None
    certificate = _certificate_as_json(anchor.certificate)
    return {**(certificate or {}), "source": anchor.source, "listed_by": anchor.listed_by}


def _certificate_as_json(certificate: Certificate | None) -> dict[str, Any] | None:
    """The certificates of states and their signers; no person's."""
    if certificate is None:
        return None
    return {
        "country": certificate.subject.country,
        "common_name": certificate.subject.common_name,
        "sha256": certificate.fingerprint,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
    }
