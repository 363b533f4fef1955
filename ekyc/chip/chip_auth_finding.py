"""Chip authentication as one step of an inspection: what was submitted, and does the issuer vouch for its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ekyc.chip.apdu import ResponseApdu
from ekyc.chip.chip_auth import (
    ChipAuthChallenge,
    ChipAuthFailure,
    ChipAuthMethod,
    ChipAuthProtocolResult,
    VerifiedChipAuth,
    bind_to_card_security,
    bind_to_passive_authentication,
)
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.lds.security_infos import SecurityInfos
from ekyc.chip.parsed import ParsedFiles
from ekyc.chip.protocol_infos import chip_authentication_keys
from ekyc.chip.report import SignedFileReport
from ekyc.chip.signed_file import inspect_card_security
from ekyc.errors import ChipError, TrustError
from ekyc.outcomes import Outcome
from ekyc.pki import Coverage, PassiveAuthentication, TrustStore
from ekyc.pki.passive_auth import ALGORITHM_WEAK, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthExchange:
    """The verifier's challenge and the chip's response to its first command under the new keys.

    The challenge comes from the verifier's own store and is used once.
    """

    challenge: ChipAuthChallenge
    response: bytes = field(repr=False)
    """With its status word."""

    def verify(self) -> ChipAuthProtocolResult:
        """Judge the response.

        Raises:
            TrustError: ``chip.ca_invalid``.
        """
        try:
            response = ResponseApdu.parse(self.response)
            result, _ = self.challenge.verify(response)
        except ChipError as exc:  # no response, or a key of the chip's making that shares no secret
            raise TrustError("the chip's response is none", code="chip.ca_invalid") from exc
        return result


ChipAuthEvidence = ChipAuthProtocolResult | ChipAuthExchange | ChipAuthFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAuthFinding(Finding):
    """Whether the chip proved to hold a key that the issuer signed."""

    verified: VerifiedChipAuth | None = None


def inspect_chip_authentication(
    files: ChipFiles,
    parsed: ParsedFiles,
    passive: PassiveAuthentication | None,
    evidence: ChipAuthEvidence | None,
    *,
    trust: TrustStore,
    legacy: bool,
    at: datetime,
) -> ChipAuthFinding:
    """Never raises for what was submitted.

    A proof with a key that the issuer did not sign fails where the signed one is known, and leaves the question open
    where nobody vouches for any key. For PACE with chip authentication mapping a key of EF.CardSecurity counts as well,
    where its signer chains to an anchor and is of the state that signed EF.SOD.
    """
    obstacle = _obstacle(parsed, passive, evidence)
    if obstacle:
        return _about_key(Outcome.NOT_PERFORMED, obstacle)
    assert evidence is not None  # _obstacle found none
    assert passive is not None
    by_mapping = _by_mapping(evidence)
    try:
        result = evidence if isinstance(evidence, ChipAuthProtocolResult) else evidence.verify()
        try:
            dg14 = parsed.dg14 or SecurityInfos(infos=())
            verified = bind_to_passive_authentication(result, passive, dg14)
        except TrustError:
            if not by_mapping:
                raise
            report = _inspect_card_security(files, trust, legacy=legacy, at=at)
            verified = _bind_to_card_security(result, report, passive)
    except TrustError as exc:
        uncovered = exc.code == "chip.ca_key_not_covered" and not _refuted(passive, by_mapping)
        open_ = uncovered or exc.code == "chip.ca_refused"
        return _about_key(Outcome.INDETERMINATE if open_ else Outcome.FAILED, exc.code)
    remarks = (ALGORITHM_WEAK,) if verified.protocol.weak else ()
    return ChipAuthFinding(outcome=Outcome.PASSED, reasons=remarks, verified=verified)


def _inspect_card_security(
    files: ChipFiles, trust: TrustStore, *, legacy: bool, at: datetime
) -> SignedFileReport:
    data = files.get(ElementaryFile.CARD_SECURITY) or b""
    try:
        return inspect_card_security(data, trust=trust, legacy=legacy, at=at)
    except ChipError as exc:
        raise _not_covered() from exc


def _bind_to_card_security(
    result: ChipAuthProtocolResult, report: SignedFileReport, passive: PassiveAuthentication
) -> VerifiedChipAuth:
    """The key of a card security object that the state of EF.SOD signed."""
    signers = (report.signature.claimed_signer, passive.signature.claimed_signer)
    countries = {signer.subject.country if signer else None for signer in signers}
    if len(countries) > 1:
        raise _not_covered()
    return bind_to_card_security(result, report)


def _obstacle(
    parsed: ParsedFiles, passive: PassiveAuthentication | None, evidence: ChipAuthEvidence | None
) -> str | None:
    """Why there is nothing to look at; None where everything is there. What was withheld is named first."""
    if passive is None:
        return "chip.sod_missing"
    if _by_mapping(evidence):
        return None
    coverage = passive.hashes.coverage.get(14)
    if coverage is None:
        return "chip.ca_not_supported"
    if coverage is Coverage.NOT_SUBMITTED:
        return "chip.ca_key_withheld"
    if parsed.dg14 is None or not chip_authentication_keys(parsed.dg14):
        return "chip.ca_not_supported"
    return "chip.ca_not_submitted" if evidence is None else None


def _by_mapping(evidence: ChipAuthEvidence | None) -> bool:
    """Whether the proof came with PACE; its key may then stand in EF.CardSecurity."""
    return (
        isinstance(evidence, ChipAuthProtocolResult | ChipAuthFailure)
        and evidence.method is ChipAuthMethod.PACE_CAM
    )


def _refuted(passive: PassiveAuthentication, by_mapping: bool) -> bool:
    """Whether the proven key is known to be a wrong one, rather than merely not vouched for."""
    return (
        (passive.vouches_for(14) and not by_mapping)
        or passive.hashes.coverage.get(14) is Coverage.MISMATCH
        or Outcome.FAILED in (passive.signature.outcome, passive.chain.outcome)
    )


def _not_covered() -> TrustError:
    return TrustError("nobody vouches for the chip's key", code="chip.ca_key_not_covered")


def _about_key(outcome: Outcome, reason: str) -> ChipAuthFinding:
    return ChipAuthFinding(outcome=outcome, reasons=(reason,), subjects=(ElementaryFile.DG14,))
