"""Inspect what was read from a chip: structure, passive authentication, active authentication, identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ekyc.chip.active_auth import (
    ActiveAuthenticationExchange,
    VerifiedActiveAuthentication,
    bind_to_passive_authentication,
    verify_active_authentication,
)
from ekyc.chip.chip_auth_finding import ChipAuthEvidence, inspect_chip_authentication
from ekyc.chip.contents import AdditionalDetails, FileContents, describe_contents
from ekyc.chip.countries import certificate_country
from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.identity import VIETNAM, ChipIdentity, build_identity, compare_dg1_with_dg13
from ekyc.chip.parsed import ParsedFiles, parse_files
from ekyc.chip.report import (
    CHECK_ACTIVE_AUTHENTICATION,
    CHECK_CHAIN,
    CHECK_CHIP_AUTHENTICATION,
    CHECK_DG1_MATCHES_DG13,
    CHECK_HASHES,
    CHECK_SIGNATURE,
    CHECK_STRUCTURE,
    ChipReport,
    as_check,
)
from ekyc.errors import InputError, TrustError
from ekyc.outcomes import Check, Outcome
from ekyc.pki import Coverage, PassiveAuthentication, TrustStore, inspect_passive_authentication
from ekyc.pki.passive_auth import (
    Finding,
    timed,
    with_country_mismatch,
    with_country_unknown,
    with_document_facts,
)

_REQUIRED: Final = (ElementaryFile.SOD, ElementaryFile.DG1, ElementaryFile.DG2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ActiveAuthenticationFinding(Finding):
    verified: VerifiedActiveAuthentication | None = None


def inspect_chip(
    files: ChipFiles,
    *,
    trust: TrustStore,
    challenge: ActiveAuthenticationExchange | None = None,
    chip_authentication: ChipAuthEvidence | None = None,
    legacy: bool = False,
    at: datetime,
) -> ChipReport:
    """Inspect chip files. Never raises for what the files hold.

    1. Every file is parsed; what breaks its format is named. A part that cannot be read costs only itself.
    2. Passive authentication: signature, chain, hashes (:func:`ekyc.pki.inspect_passive_authentication`), and the
       issuing state of a covered DG1 against the country of the signer.
    3. Active authentication over the verifier's own nonce, and chip authentication by the verifier's own key. They
       count only with a DG15 and a DG14 that step 2 vouches for.
    4. DG1 and DG13, if both are vouched for, must tell of one person.
    5. Identity and face are taken from groups that step 2 vouches for, and from nowhere else.

    Left to the caller: who decides (``ekyc.policy``), whether the nonce was fresh and unspent, whether the bearer is
    the holder.

    Args:
        files: as read from the chip.
        trust: anchors of the operator. An empty store leaves the chain at NO_ANCHOR.
        challenge: the verifier's nonce with the chip's answer.
        chip_authentication: what the protocol gave (:mod:`ekyc.chip.reader`), or the verifier's challenge with the
            chip's response.
        legacy: let SHA-1 and short RSA keys count, with a remark.
        at: moment of the inspection, aware.
    """
    parsed = parse_files(files)  # (1)
    passive = _authenticate(files, parsed, trust, legacy, at)  # (2)
    contents = describe_contents(parsed)
    structure = timed(lambda: _inspect_structure(files, parsed, passive, contents))
    active = timed(lambda: _inspect_active_authentication(parsed, passive, challenge))  # (3)
    genuine = timed(
        lambda: inspect_chip_authentication(
            files, parsed, passive, chip_authentication, trust=trust, legacy=legacy, at=at
        )
    )
    agreement = timed(lambda: _inspect_agreement(parsed, passive))  # (4)
    vouched_dg2 = parsed.dg2 if passive and passive.vouches_for(2) else None
    return ChipReport(
        checks=(
            as_check(CHECK_STRUCTURE, structure),
            *_passive_checks(passive, parsed, files),
            as_check(CHECK_ACTIVE_AUTHENTICATION, active),
            as_check(CHECK_CHIP_AUTHENTICATION, genuine),
            as_check(CHECK_DG1_MATCHES_DG13, agreement),
        ),
        submitted=files.names,
        passive_authentication=passive,
        active_authentication=active.verified,
        chip_authentication=genuine.verified,
        identity=_identity(parsed, passive, at),  # (5)
        face=vouched_dg2.images[0] if vouched_dg2 else None,
        contents=contents,
        details=_details(parsed, passive),
    )


def _authenticate(
    files: ChipFiles, parsed: ParsedFiles, trust: TrustStore, legacy: bool, at: datetime
) -> PassiveAuthentication | None:
    if parsed.sod is None:
        return None
    passive = inspect_passive_authentication(
        parsed.sod.signed,
        parsed.sod.security_object,
        files.data_groups,
        trust=trust,
        at=at,
        legacy=legacy,
    )
    return _with_country(_with_deviations(passive, parsed, trust), parsed)


def _with_deviations(
    passive: PassiveAuthentication, parsed: ParsedFiles, trust: TrustStore
) -> PassiveAuthentication:
    """Deviation lists speak of types and numbers of documents, which stand in a covered DG1."""
    mrz = parsed.dg1.mrz if parsed.dg1 and passive.vouches_for(1) else None
    if mrz is None:
        return passive
    return with_document_facts(
        passive, trust, document_type=mrz.document_code, document_number=mrz.document_number
    )


def _with_country(passive: PassiveAuthentication, parsed: ParsedFiles) -> PassiveAuthentication:
    """Without this comparison any state could sign for any other."""
    signer = passive.signature.claimed_signer
    if signer is None or not passive.vouches_for(1):
        return passive
    issuer = certificate_country(parsed.dg1.issuer) if parsed.dg1 else None
    if issuer is None:
        return with_country_unknown(passive)
    return passive if issuer == signer.subject.country else with_country_mismatch(passive)


def _inspect_structure(
    files: ChipFiles,
    parsed: ParsedFiles,
    passive: PassiveAuthentication | None,
    contents: tuple[FileContents, ...],
) -> Finding:
    """Damage fails; a file that is signed as it is, or of a kind unknown here, leaves the question open."""
    open_ = parsed.unsupported | {
        name
        for name in parsed.problems
        if name.data_group and passive and passive.vouches_for(name.data_group)
    }
    damaged = tuple(sorted(set(parsed.problems) - open_))
    if damaged:
        endless = any(parsed.problems[name].code == "chip.tlv.limit" for name in damaged)
        reasons = ("chip.file_excessive",) * endless + ("chip.file_malformed",)
        return Finding(outcome=Outcome.FAILED, reasons=reasons, subjects=damaged)
    missing = tuple(name for name in _REQUIRED if files.get(name) is None)
    if not missing and not open_:
        return _remarks(parsed, contents)
    reasons = ("chip.file_missing",) * bool(missing)
    reasons += ("chip.algorithm_unsupported",) * (ElementaryFile.SOD in open_)
    reasons += ("chip.file_not_understood",) * bool(open_ - {ElementaryFile.SOD})
    return Finding(
        outcome=Outcome.INDETERMINATE, reasons=reasons, subjects=(*missing, *sorted(open_))
    )


def _remarks(parsed: ParsedFiles, contents: tuple[FileContents, ...]) -> Finding:
    """What is remarkable and decides nothing: lists that differ, parts that cannot be read.

    EF.COM is unsigned, and genuine documents differ from it. What is unreadable in DG13 matters to another check.
    """
    differing: set[int] = set()
    if parsed.com and parsed.sod:
        differing = set(parsed.com.data_groups) ^ set(parsed.sod.security_object.hashes)
    parts = tuple(
        f"{item.file}/{part}"
        for item in contents
        for part in item.unreadable
        if item.file is not ElementaryFile.DG13
    )
    return Finding(
        outcome=Outcome.PASSED,
        reasons=("chip.com_differs",) * bool(differing) + ("chip.part_unreadable",) * bool(parts),
        subjects=(*(f"EF.DG{number}" for number in sorted(differing)), *parts),
    )


def _passive_checks(
    passive: PassiveAuthentication | None, parsed: ParsedFiles, files: ChipFiles
) -> tuple[Check, Check, Check]:
    if passive:
        return (
            as_check(CHECK_SIGNATURE, passive.signature),
            as_check(CHECK_HASHES, passive.hashes),
            as_check(CHECK_CHAIN, passive.chain),
        )
    unsupported = ElementaryFile.SOD in parsed.unsupported
    missing = Finding(
        outcome=Outcome.INDETERMINATE if unsupported else Outcome.NOT_PERFORMED,
        reasons=("chip.algorithm_unsupported" if unsupported else "chip.sod_missing",),
        subjects=(ElementaryFile.SOD,) if files.get(ElementaryFile.SOD) else (),
    )
    return (
        as_check(CHECK_SIGNATURE, missing),
        as_check(CHECK_HASHES, missing),
        as_check(CHECK_CHAIN, missing),
    )


def _inspect_active_authentication(
    parsed: ParsedFiles,
    passive: PassiveAuthentication | None,
    challenge: ActiveAuthenticationExchange | None,
) -> _ActiveAuthenticationFinding:
    obstacle = _obstacle(parsed, passive, challenge)
    if obstacle:
        return _about_key(Outcome.NOT_PERFORMED, obstacle)
    try:
        verified = _verify_active_authentication(parsed, passive, challenge)
    except TrustError as exc:
        open_ = exc.code == "chip.aa_key_compromised" or (
            exc.code == "chip.aa_key_not_covered" and not _refuted(passive)
        )
        return _about_key(Outcome.INDETERMINATE if open_ else Outcome.FAILED, exc.code)
    except InputError:
        return _about_key(Outcome.INDETERMINATE, "chip.aa_unsupported")
    return _ActiveAuthenticationFinding(
        outcome=Outcome.PASSED,
        reasons=("chip.algorithm_weak",) if verified.protocol.weak else (),
        verified=verified,
    )


def _verify_active_authentication(
    parsed: ParsedFiles,
    passive: PassiveAuthentication | None,
    challenge: ActiveAuthenticationExchange | None,
) -> VerifiedActiveAuthentication:
    """Protocol first, then the binding of its key to the signed security object."""
    assert passive is not None  # _obstacle found none
    assert parsed.dg15 is not None
    assert challenge is not None
    result = verify_active_authentication(
        parsed.dg15,
        nonce=challenge.nonce or b"",
        signature=challenge.signature or b"",
        digest=_named_digest(parsed, passive),
    )
    return bind_to_passive_authentication(result, passive)


def _refuted(passive: PassiveAuthentication | None) -> bool:
    """Whether the key in DG15 is known to be a wrong one, rather than merely not vouched for."""
    return passive is not None and (
        passive.hashes.coverage.get(15) is Coverage.MISMATCH
        or Outcome.FAILED in (passive.signature.outcome, passive.chain.outcome)
    )


def _about_key(outcome: Outcome, reason: str) -> _ActiveAuthenticationFinding:
    return _ActiveAuthenticationFinding(
        outcome=outcome, reasons=(reason,), subjects=(ElementaryFile.DG15,)
    )


def _obstacle(
    parsed: ParsedFiles,
    passive: PassiveAuthentication | None,
    challenge: ActiveAuthenticationExchange | None,
) -> str | None:
    """Why active authentication cannot be looked at; None where everything is there.

    The order matters: what was withheld is named before what was not asked.
    """
    if passive is None:
        return "chip.sod_missing"
    coverage = passive.hashes.coverage.get(15)
    if coverage is None:
        return "chip.aa_not_supported"
    if coverage is Coverage.NOT_SUBMITTED:
        return "chip.aa_key_withheld"
    if parsed.dg15 is None:
        return "chip.aa_unsupported"
    if challenge is None or challenge.signature is None:
        return "chip.aa_not_submitted"
    return "chip.aa_no_challenge" if challenge.nonce is None else None


def _named_digest(parsed: ParsedFiles, passive: PassiveAuthentication) -> str | None:
    """Digest from DG14, if the issuer vouches for it."""
    if parsed.dg14 is None or not passive.vouches_for(14):
        return None
    return parsed.dg14.active_authentication_digest


def _inspect_agreement(parsed: ParsedFiles, passive: PassiveAuthentication | None) -> Finding:
    if passive is None or not passive.vouches_for(1) or parsed.dg1 is None:
        return Finding(outcome=Outcome.NOT_PERFORMED, reasons=("chip.identity_not_covered",))
    if parsed.dg1.issuer != VIETNAM:
        return Finding(outcome=Outcome.NOT_PERFORMED, reasons=("chip.dg13_not_expected",))
    if passive.hashes.coverage.get(13) in (None, Coverage.NOT_SUBMITTED):
        return Finding(outcome=Outcome.NOT_PERFORMED, reasons=("chip.dg13_missing",))
    if not passive.vouches_for(13):
        return Finding(
            outcome=Outcome.NOT_PERFORMED,
            reasons=("chip.identity_not_covered",),
            subjects=(ElementaryFile.DG13,),
        )
    if parsed.dg13 is None:
        return Finding(
            outcome=Outcome.INDETERMINATE,
            reasons=("chip.dg13_unreadable",),
            subjects=(ElementaryFile.DG13,),
        )
    return compare_dg1_with_dg13(parsed.dg1, parsed.dg13)


def _identity(
    parsed: ParsedFiles, passive: PassiveAuthentication | None, at: datetime
) -> ChipIdentity | None:
    if passive is None:
        return None
    zone = parsed.dg1 if passive.vouches_for(1) else None
    return build_identity(
        zone,
        parsed.dg13 if passive.vouches_for(13) and (zone or _is_vietnamese(passive)) else None,
        dg11=parsed.dg11 if passive.vouches_for(11) else None,
        dg12=parsed.dg12 if passive.vouches_for(12) else None,
        today=at.date(),
    )


def _is_vietnamese(passive: PassiveAuthentication) -> bool:
    """Without a zone nothing but the signer says whose DG13 it is; any state may fill its own as ours is filled."""
    signer = passive.signature.claimed_signer
    return signer is not None and signer.subject.country == certificate_country(VIETNAM)


def _details(
    parsed: ParsedFiles, passive: PassiveAuthentication | None
) -> AdditionalDetails | None:
    if passive is None:
        return None
    return AdditionalDetails(
        dg11=parsed.dg11 if passive.vouches_for(11) else None,
        dg12=parsed.dg12 if passive.vouches_for(12) else None,
        dg16=parsed.dg16 if passive.vouches_for(16) else None,
    )
