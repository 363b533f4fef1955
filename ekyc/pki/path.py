"""The path from a document signer to an anchor of the operator.

General-purpose validators refuse real CSCAs (a path length with ``cA`` false, missing identifiers, link
certificates), so the few rules that ICAO 9303-12 asks for stand here in the open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ekyc.errors import InputError, TrustError
from ekyc.pki.anchors import Anchor, TrustAnchors
from ekyc.pki.certificates import Certificate
from ekyc.pki.deviations import Deviation
from ekyc.pki.keys import parse_public_key
from ekyc.pki.revocation import Revocation, judge_revocation
from ekyc.pki.signatures import SignatureEvidence, parse_algorithm, verify_signature

_CLOCK_SKEW: Final = timedelta(days=1)
_MIN_IDENTIFIER_BYTES: Final = 8
_OTHER_SIGNERS: Final = "2.23.136.1.1."
"""Purposes that ICAO names (9303-12 §7.1.1): signers of lists, of visas and travel records, of visible seals. A document
signer has none of them."""


class ChainVerdict(StrEnum):
    """How far the signer of a document could be traced."""

    CHAINED = "CHAINED"
    """To an anchor that the operator installed, by accepted algorithms."""
    NO_ANCHOR = "NO_ANCHOR"
    """The signature is not refuted, but no anchor is reached: nothing is known about who signed."""
    FAILED = "FAILED"
    """The signature, or the link to the authority that it names, is refuted."""


class ChainFlaw(StrEnum):
    """Why a chain is not CHAINED, or what is remarkable about one that is."""

    NO_ANCHOR = "chip.no_anchor"
    FORGED_ISSUER = "chip.chain_invalid"
    OUTSIDE_VALIDITY = "chip.outside_validity"
    COUNTRY_MISMATCH = "chip.country_mismatch"
    WEAK_ALGORITHM = "chip.algorithm_weak"
    NOT_A_SIGNER = "chip.signer_not_allowed"
    SIGNER_EXPIRED = "chip.signer_expired"
    UNKNOWN_EXTENSION = "chip.critical_extension"
    SIGNER_REVOKED = "chip.signer_revoked"
    SIGNER_REVOKED_LATER = "chip.signer_revoked_later"
    AUTHORITY_REVOKED = "chip.authority_revoked"
    REVOCATION_STALE = "chip.revocation_stale"
    DEVIATION_LISTED = "chip.deviation_listed"


_UNDECIDED: Final = frozenset(
    {
        ChainFlaw.UNKNOWN_EXTENSION,
        ChainFlaw.SIGNER_REVOKED_LATER,
        ChainFlaw.WEAK_ALGORITHM,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What is known about the signer's certificate."""

    verdict: ChainVerdict
    flaws: tuple[ChainFlaw, ...] = ()
    anchor: Anchor | None = None
    """The anchor whose key verified the signer's certificate, or the pinned signer itself."""
    roots: tuple[Anchor, ...] = ()
    """Further up: the self-issued certificate behind a link certificate, where it is installed too."""
    revocation: Revocation = Revocation.NO_LIST
    """What the installed revocation lists say about the signer; NO_LIST also where no anchor was reached."""
    deviations: tuple[Deviation, ...] = ()
    """What the issuing state itself says is wrong with such documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issue:
    """Who issued a certificate: what stays true at any time."""

    anchor: Anchor
    weak: bool = False
    """Whether the issuer's signature relies on an algorithm that is broken today."""
    flaw: ChainFlaw | None = None
    roots: tuple[Anchor, ...] = ()


def inspect_chain(
    signer: Certificate,
    trust: TrustAnchors,
    *,
    at: datetime,
    signing_time: datetime | None = None,
    legacy: bool = False,
    purpose: str | None = None,
) -> Chain:
    """Trace a document signer, or the signer of a list, to an anchor.

    1. The certificate may sign data, and signed while it was valid (ICAO 9303-12 §4: signing-time model). Without a
       signing time the start of validity stands in for it. That the certificate expired since is remarked, no flaw:
       documents outlive their signers. A critical extension that is not understood leaves the question open.
    2. Every anchor that may have issued it is tried, likeliest first: key identifiers, then names, then country
       (:meth:`TrustAnchors.issuers_of`). The signature decides, not the names. Who issued it is remembered by the
       store, so that the next document of this signer costs no signature.
    3. The anchor is an authority, of the same country as the signer (ICAO 9303-12 §7.1: else any state could sign for
       any other), and was valid when it issued.
    4. Neither the signer nor the anchor is revoked, as far as lists are installed (:func:`judge_revocation`). That the
       newest list is overdue is remarked.
    5. An algorithm that is broken today counts only under ``legacy`` and is remarked then.
    6. What the state's deviation lists say about this signer is remarked.

    Left to the caller: the country printed in the document against the signer's.

    Args:
        signer: whose signature was verified.
        trust: what the operator installed.
        at: moment of the inspection, aware.
        signing_time: as signed; None where the document does not say.
        legacy: let broken algorithms count.
        purpose: the extended key usage of a list signer; None for a document signer, which must have neither.
    """
    flaw = _flaw_of_signer(signer, signing_time or signer.not_before, at, purpose)  # (1)
    if flaw:
        return _failed(flaw)
    issue = _issue_of(signer, trust)  # (2)
    if issue is None:
        return _without_issuer(signer, trust)
    revocation = _revocation(signer, issue.anchor, trust, signing_time, at)  # (4)
    authority_revoked = _authority_is_revoked(signer, issue.anchor, trust, at)
    stop = _stop(issue, revocation, authority_revoked=authority_revoked, legacy=legacy)
    if stop:
        return _ended(stop, revocation)
    known = tuple(deviations_about(signer, trust, signed_at=signing_time))  # (6)
    remarks = {
        ChainFlaw.WEAK_ALGORITHM: issue.weak,
        ChainFlaw.SIGNER_EXPIRED: at > signer.not_after,
        ChainFlaw.SIGNER_REVOKED_LATER: revocation is Revocation.REVOKED_LATER,
        ChainFlaw.REVOCATION_STALE: revocation is Revocation.STALE,
        ChainFlaw.DEVIATION_LISTED: bool(known),
    }
    return Chain(
        verdict=ChainVerdict.CHAINED,
        anchor=issue.anchor,
        roots=issue.roots,
        flaws=tuple(flaw for flaw, holds in remarks.items() if holds),
        revocation=revocation,
        deviations=known,
    )


def deviations_about(
    signer: Certificate,
    trust: TrustAnchors,
    *,
    signed_at: datetime | None = None,
    document_type: str | None = None,
    document_number: str | None = None,
) -> Iterator[Deviation]:
    """What the state of ``signer`` says is wrong with such documents."""
    for listed in trust.deviation_lists_of(signer.subject.country):
        for deviation in listed.deviations:
            if deviation.concerns(
                signer,
                signed_at=signed_at,
                document_type=document_type,
                document_number=document_number,
            ):
                yield deviation


def verify_issued_by(certificate: Certificate, issuer: Certificate) -> SignatureEvidence:
    """Verify the issuer's signature on a certificate. Names, dates and purposes stay with the caller.

    Raises:
        TrustError: ``pki.signature_mismatch``.
        InputError: key or algorithm cannot be used.
    """
    return verify_signature(
        parse_public_key(issuer.public_key),
        parse_algorithm(certificate.signature_algorithm),
        certificate.signature,
        certificate.to_be_signed,
    )


def _flaw_of_signer(
    signer: Certificate, signed_at: datetime, at: datetime, purpose: str | None
) -> ChainFlaw | None:
    if not signer.valid_at(signed_at) or signed_at > at + _CLOCK_SKEW:
        return ChainFlaw.OUTSIDE_VALIDITY
    purposes = signer.purposes or frozenset()
    other = bool(purposes) and all(item.startswith(_OTHER_SIGNERS) for item in purposes)
    fits = not other if purpose is None else not purposes or purpose in purposes
    return None if signer.may_sign_data and fits else ChainFlaw.NOT_A_SIGNER


def _issue_of(signer: Certificate, trust: TrustAnchors) -> _Issue | None:
    """Who issued it, from memory where this store found out before; an operator may have pinned it itself."""
    pinned = trust.find(signer)
    if pinned:
        return _Issue(anchor=pinned)
    key = (signer.fingerprint, trust.version)
    known: _Issue | None = trust.verdicts.get(key)
    if known:
        return known
    found = _find_issuer(signer, trust)
    if found is None:
        return None
    anchor, evidence = found
    issue = _Issue(
        anchor=anchor,
        weak=evidence.weak,
        flaw=_flaw_of_issue(signer, anchor.certificate),
        roots=_roots_above(anchor, trust),
    )
    trust.verdicts.put(key, issue)
    return issue


def _stop(
    issue: _Issue, revocation: Revocation, *, authority_revoked: bool, legacy: bool
) -> ChainFlaw | None:
    """The first thing that ends the chain: (3), (4), (5). What refutes goes before what is undecided."""
    if issue.flaw:
        return issue.flaw
    if revocation is Revocation.REVOKED:
        return ChainFlaw.SIGNER_REVOKED
    if authority_revoked:
        return ChainFlaw.AUTHORITY_REVOKED
    if revocation is Revocation.DOUBTFUL:
        return ChainFlaw.SIGNER_REVOKED_LATER
    return ChainFlaw.WEAK_ALGORITHM if issue.weak and not legacy else None


def _ended(flaw: ChainFlaw, revocation: Revocation) -> Chain:
    """Refuted, or left open where nothing speaks against the document but something cannot be decided."""
    return _no_anchor(flaw, revocation) if flaw in _UNDECIDED else _failed(flaw, revocation)


def _without_issuer(signer: Certificate, trust: TrustAnchors) -> Chain:
    forged = _names_installed_key(signer, trust)
    return _failed(ChainFlaw.FORGED_ISSUER) if forged else _no_anchor(ChainFlaw.NO_ANCHOR)


def _revocation(
    signer: Certificate,
    anchor: Anchor,
    trust: TrustAnchors,
    signed_at: datetime | None,
    at: datetime,
) -> Revocation:
    crls = trust.crls_about(signer, anchor)
    return judge_revocation(crls, signer.serial_number, signed_at=signed_at, at=at)


def _authority_is_revoked(
    signer: Certificate, anchor: Anchor, trust: TrustAnchors, at: datetime
) -> bool:
    """Whether the anchor's own authority took it back, at the latest by the time when it issued the signer."""
    judged = _revocation(anchor.certificate, anchor, trust, signer.not_before, at)
    return judged is Revocation.REVOKED


def _flaw_of_issue(signer: Certificate, issuer: Certificate) -> ChainFlaw | None:
    country = signer.subject.country
    if country is None or country != issuer.subject.country:
        return ChainFlaw.COUNTRY_MISMATCH
    if not issuer.valid_at(signer.not_before):
        return ChainFlaw.OUTSIDE_VALIDITY
    return ChainFlaw.UNKNOWN_EXTENSION if signer.unknown_critical else None


def _find_issuer(
    certificate: Certificate, trust: TrustAnchors
) -> tuple[Anchor, SignatureEvidence] | None:
    """The first anchor whose key verifies; among equals one that was valid at the time of issue."""
    stale: tuple[Anchor, SignatureEvidence] | None = None
    for anchor in trust.issuers_of(certificate):
        if not anchor.certificate.may_sign_certificates:
            continue
        try:
            evidence = verify_issued_by(certificate, anchor.certificate)
        except (TrustError, InputError):
            continue
        if anchor.certificate.valid_at(certificate.not_before):
            return anchor, evidence
        stale = stale or (anchor, evidence)
    return stale


def _names_installed_key(certificate: Certificate, trust: TrustAnchors) -> bool:
    """Whether the certificate names an installed key by identifier and name, although that key never signed it."""
    identifier = certificate.authority_key_identifier
    if identifier is None or len(identifier) < _MIN_IDENTIFIER_BYTES:
        return False
    return any(
        anchor.certificate.subject_key_identifier == identifier
        and anchor.certificate.subject.folded == certificate.issuer.folded
        for anchor in trust.issuers_of(certificate)
    )


def _roots_above(anchor: Anchor, trust: TrustAnchors) -> tuple[Anchor, ...]:
    """Up from a link certificate to the self-issued one, as far as installed; at most a few steps."""
    path: list[Anchor] = []
    current = anchor
    for _ in range(4):
        if current.certificate.self_issued:
            break
        found = _find_issuer(current.certificate, trust)
        if found is None or found[0] in path:
            break
        current = found[0]
        path.append(current)
    return tuple(path)


def _failed(flaw: ChainFlaw, revocation: Revocation = Revocation.NO_LIST) -> Chain:
    return Chain(verdict=ChainVerdict.FAILED, flaws=(flaw,), revocation=revocation)


def _no_anchor(flaw: ChainFlaw, revocation: Revocation = Revocation.NO_LIST) -> Chain:
    return Chain(verdict=ChainVerdict.NO_ANCHOR, flaws=(flaw,), revocation=revocation)
