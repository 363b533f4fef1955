"""Passive authentication (ICAO 9303-11 §5.1): who signed the data of a chip, and do the data agree.

What a passed passive authentication does **not** prove: that the data come from the chip they were issued on (a copy
passes as well: active or chip authentication tells), that the bearer is the holder (face comparison tells), or that
the document was not reported lost. That its signer was not revoked is known only as far as revocation lists are
installed (:class:`ekyc.pki.Revocation`).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeVar

from ekyc.errors import InputError, TrustError
from ekyc.outcomes import Outcome, worst
from ekyc.pki.anchors import (
    TrustAnchors,
    signer_key_of_identifier,
    signer_key_of_number,
)
from ekyc.pki.certificates import Certificate
from ekyc.pki.cms import CmsEvidence, SignedData, verify_signed_data
from ekyc.pki.path import Chain, ChainFlaw, ChainVerdict, deviations_about, inspect_chain
from ekyc.pki.signatures import WEAK_DIGESTS

SIGNATURE_INVALID: Final = "chip.signature_invalid"
SIGNER_UNKNOWN: Final = "chip.signer_certificate_missing"
ALGORITHM_WEAK: Final = "chip.algorithm_weak"
ALGORITHM_UNSUPPORTED: Final = "chip.algorithm_unsupported"
HASH_MISMATCH: Final = "chip.hash_mismatch"
NOT_COVERED: Final = "chip.not_covered"
NO_DATA_GROUPS: Final = "chip.no_data_groups"
COUNTRY_UNKNOWN: Final = "chip.country_unknown"
_FOREIGN_CURVE: Final = {
    "pki.curve_foreign_generator": "chip.curve_foreign_generator",
    "pki.curve_foreign_order": "chip.curve_foreign_order",
    "pki.curve_foreign_cofactor": "chip.curve_foreign_cofactor",
}
"""A key over a known curve with one number changed is no unknown algorithm: it is made to forge."""

_OUTCOME_OF_VERDICT: Final = {
    ChainVerdict.CHAINED: Outcome.PASSED,
    ChainVerdict.NO_ANCHOR: Outcome.INDETERMINATE,
    ChainVerdict.FAILED: Outcome.FAILED,
}


class Coverage(StrEnum):
    """What the security object says about one data group."""

    MATCH = "MATCH"
    """Submitted, and its hash is the listed one."""
    MISMATCH = "MISMATCH"
    """Submitted, and its hash is another."""
    NOT_COVERED = "NOT_COVERED"
    """Submitted, but the security object lists no hash for it: nobody vouches for these bytes."""
    NOT_SUBMITTED = "NOT_SUBMITTED"
    """Listed, but not submitted: on the chip it exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Outcome of one step with its reasons."""

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    duration_ms: float = field(default=0.0, compare=False)


_F = TypeVar("_F", bound=Finding)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFinding(Finding):
    """Step (1): the signature of the document signer."""

    evidence: CmsEvidence | None = None
    """Present whenever the mathematics hold, even where the algorithm is too weak to count."""
    claimed_signer: Certificate | None = None
    """The certificate that came with the signature; a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding(Finding):
    """Step (2): the path from the document signer to an anchor."""

    chain: Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class HashFinding(Finding):
    """Step (3): the data groups against the signed hashes."""

    digest: str
    coverage: Mapping[int, Coverage]
    """By data group number, ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityObject:
    """The hashes that a document signer vouches for (ICAO 9303-10 §4.6.2.3)."""

    digest: str
    """``sha1`` … ``sha512``."""
    hashes: Mapping[int, bytes] = field(repr=False)
    """By data group number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassiveAuthentication:
    """All three steps over one EF.SOD."""

    signature: SignatureFinding
    chain: ChainFinding
    hashes: HashFinding

    def vouches_for(self, number: int) -> bool:
        """Whether a data group is covered by a security object whose signature passed and whose chain is not refuted.

        It does not say that the signer is an authority: with no anchor installed anybody may have signed.
        """
        return (
            self.signature.outcome is Outcome.PASSED
            and self.chain.chain.verdict is not ChainVerdict.FAILED
            and self.hashes.coverage.get(number) is Coverage.MATCH
        )


def inspect_passive_authentication(
    signed: SignedData,
    security_object: SecurityObject,
    data_groups: Mapping[int, bytes],
    *,
    trust: TrustAnchors,
    at: datetime,
    legacy: bool = False,
) -> PassiveAuthentication:
    """Inspect the data groups of a chip (ICAO 9303-11 §5.1).

    1. The security object was signed by the document signer whose certificate comes with it.
    2. That document signer was issued by a country signing authority that the operator installed.
    3. Each submitted data group has the hash that the security object lists for it. A group without a listed hash is
       *not covered*: never a match, and never silently dropped.

    The steps are independent; a report shows all of them. A weak algorithm (SHA-1, short RSA) makes a step
    INDETERMINATE, or under ``legacy`` passes it with the remark ``chip.algorithm_weak``.

    Left to the caller: that ``security_object`` was parsed from ``signed.content``; that the issuing state printed in
    DG1 is the signer's country; that DG14 or DG15 count only where :meth:`PassiveAuthentication.vouches_for` them.
    """
    signature = timed(lambda: inspect_signature(signed, trust=trust, legacy=legacy))  # (1)
    chain = timed(lambda: inspect_signer_chain(signature, trust=trust, at=at, legacy=legacy))  # (2)
    hashes = timed(lambda: inspect_hashes(security_object, data_groups, legacy=legacy))  # (3)
    return PassiveAuthentication(signature=signature, chain=chain, hashes=hashes)


def timed(step: Callable[[], _F]) -> _F:
    """The finding of a step, with the time that it took."""
    begin = time.perf_counter()
    finding = step()
    return replace(finding, duration_ms=1e3 * (time.perf_counter() - begin))


def inspect_signature(
    signed: SignedData, *, trust: TrustAnchors | None = None, legacy: bool = False
) -> SignatureFinding:
    """Step (1). Never raises.

    Args:
        signed: parsed.
        trust: its directory of document signers is asked where the document does not carry the certificate.
        legacy: let broken algorithms count.
    """
    if trust and not signed.certificates:
        signed = replace(signed, certificates=_signers_in_directory(signed, trust))
    claimed = signed.certificates[0] if signed.certificates else None
    try:
        evidence = verify_signed_data(signed)
    except TrustError as exc:
        missing = exc.code == "cms.no_signer_certificate"
        return SignatureFinding(
            outcome=Outcome.INDETERMINATE if missing else Outcome.FAILED,
            reasons=(SIGNER_UNKNOWN if missing else SIGNATURE_INVALID,),
            claimed_signer=claimed,
        )
    except InputError as exc:
        forged = _FOREIGN_CURVE.get(exc.code)
        return SignatureFinding(
            outcome=Outcome.FAILED if forged else Outcome.INDETERMINATE,
            reasons=(forged or ALGORITHM_UNSUPPORTED,),
            claimed_signer=claimed,
        )
    outcome, reasons = _weighed(Outcome.PASSED, weak=evidence.weak, legacy=legacy)
    return SignatureFinding(
        outcome=outcome, reasons=reasons, evidence=evidence, claimed_signer=evidence.signer
    )


def _signers_in_directory(signed: SignedData, trust: TrustAnchors) -> tuple[Certificate, ...]:
    """Certificates that the signer's identifier may mean. Which one it is, the signature tells."""
    found: list[Certificate] = []
    for signer in signed.signers:
        if signer.issuer is not None and signer.serial_number is not None:
            found += trust.signers(signer_key_of_number(signer.issuer.key, signer.serial_number))
        elif signer.subject_key_identifier:
            found += trust.signers(signer_key_of_identifier(signer.subject_key_identifier))
    return tuple(found)


def inspect_signer_chain(
    signature: SignatureFinding, *, trust: TrustAnchors, at: datetime, legacy: bool = False
) -> ChainFinding:
    """Step (2). Without a signature that holds there is no signer to trace, whatever certificate came along."""
    if signature.evidence is None or signature.outcome is not Outcome.PASSED:
        refuted = signature.outcome is Outcome.FAILED
        verdict = ChainVerdict.FAILED if refuted else ChainVerdict.NO_ANCHOR
        return ChainFinding(
            outcome=_OUTCOME_OF_VERDICT[verdict],
            reasons=signature.reasons,
            chain=Chain(verdict=verdict),
        )
    evidence = signature.evidence
    chain = inspect_chain(
        evidence.signer, trust, at=at, signing_time=evidence.signing_time, legacy=legacy
    )
    return ChainFinding(
        outcome=_OUTCOME_OF_VERDICT[chain.verdict],
        reasons=tuple(flaw.value for flaw in chain.flaws),
        chain=chain,
    )


def inspect_hashes(
    security_object: SecurityObject, data_groups: Mapping[int, bytes], *, legacy: bool = False
) -> HashFinding:
    """Step (3). Hashes are taken over the bytes of the file as received."""
    numbers = sorted({*security_object.hashes, *data_groups})
    coverage = {number: _coverage(number, security_object, data_groups) for number in numbers}
    outcome, reasons, subjects = _judge(coverage)
    weak = security_object.digest in WEAK_DIGESTS
    outcome, remarks = _weighed(outcome, weak=weak, legacy=legacy)
    return HashFinding(
        outcome=outcome,
        reasons=reasons + remarks,
        subjects=subjects,
        digest=security_object.digest,
        coverage=MappingProxyType(coverage),
    )


def with_document_facts(
    found: PassiveAuthentication,
    trust: TrustAnchors,
    *,
    document_type: str | None,
    document_number: str | None,
) -> PassiveAuthentication:
    """The same authentication with the deviations that concern this document.

    Before its zone was read, entries for some numbers or types of documents could not be tested: they stood for every
    document of their signer, or for none.
    """
    chain, evidence = found.chain.chain, found.signature.evidence
    if chain.verdict is not ChainVerdict.CHAINED or evidence is None:
        return found
    known = tuple(
        deviations_about(
            evidence.signer,
            trust,
            signed_at=evidence.signing_time,
            document_type=document_type,
            document_number=document_number,
        )
    )
    if known == chain.deviations:
        return found
    others = [flaw for flaw in chain.flaws if flaw is not ChainFlaw.DEVIATION_LISTED]
    flaws = (*others, *(ChainFlaw.DEVIATION_LISTED,) * bool(known))
    finding = replace(
        found.chain,
        reasons=tuple(flaw.value for flaw in flaws),
        chain=replace(chain, flaws=flaws, deviations=known),
    )
    return replace(found, chain=finding)


def with_country_mismatch(found: PassiveAuthentication) -> PassiveAuthentication:
    """The same authentication with its chain refuted: the document names another state than its signer's."""
    flaw = ChainFlaw.COUNTRY_MISMATCH
    chain = ChainFinding(
        outcome=Outcome.FAILED,
        reasons=(flaw.value,),
        chain=Chain(verdict=ChainVerdict.FAILED, flaws=(flaw,)),
    )
    return replace(found, chain=chain)


def with_country_unknown(found: PassiveAuthentication) -> PassiveAuthentication:
    """The same authentication with its chain left open: the state that the document names is not known to us."""
    chain = replace(
        found.chain,
        outcome=worst((found.chain.outcome, Outcome.INDETERMINATE)),
        reasons=(*found.chain.reasons, COUNTRY_UNKNOWN),
    )
    return replace(found, chain=chain)


def _coverage(
    number: int, security_object: SecurityObject, data_groups: Mapping[int, bytes]
) -> Coverage:
    listed, submitted = security_object.hashes.get(number), data_groups.get(number)
    if submitted is None:
        return Coverage.NOT_SUBMITTED
    if listed is None:
        return Coverage.NOT_COVERED
    actual = hashlib.new(security_object.digest, submitted).digest()
    return Coverage.MATCH if hmac.compare_digest(actual, listed) else Coverage.MISMATCH


def _judge(coverage: Mapping[int, Coverage]) -> tuple[Outcome, tuple[str, ...], tuple[str, ...]]:
    """One mismatch fails all; an uncovered group leaves the question open; no group at all was no question."""
    wrong = _subjects(coverage, Coverage.MISMATCH)
    if wrong:
        return Outcome.FAILED, (HASH_MISMATCH,), wrong
    uncovered = _subjects(coverage, Coverage.NOT_COVERED)
    if uncovered:
        return Outcome.INDETERMINATE, (NOT_COVERED,), uncovered
    if not _subjects(coverage, Coverage.MATCH):
        return Outcome.NOT_PERFORMED, (NO_DATA_GROUPS,), ()
    return Outcome.PASSED, (), ()


def _subjects(coverage: Mapping[int, Coverage], wanted: Coverage) -> tuple[str, ...]:
    return tuple(f"EF.DG{number}" for number, found in coverage.items() if found is wanted)


def _weighed(outcome: Outcome, *, weak: bool, legacy: bool) -> tuple[Outcome, tuple[str, ...]]:
    """A weak algorithm turns PASSED into INDETERMINATE unless ``legacy``; it is remarked either way."""
    if not weak or outcome is Outcome.NOT_PERFORMED:
        return outcome, ()
    return (outcome if legacy else worst((outcome, Outcome.INDETERMINATE))), (ALGORITHM_WEAK,)
