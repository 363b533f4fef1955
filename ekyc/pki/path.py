"""The path from a document signer to an anchor of the operator.

General-purpose validators refuse real CSCAs (a path length with ``cA`` false, missing identifiers, link
certificates), so the few rules that ICAO 9303-12 asks for stand here in the open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from ekyc.errors import InputError, TrustError
from ekyc.pki.certificates import Certificate
from ekyc.pki.keys import parse_public_key
from ekyc.pki.signatures import SignatureEvidence, parse_algorithm, verify_signature
from ekyc.pki.trust_store import Anchor, TrustStore

_CLOCK_SKEW: Final = timedelta(days=1)
_MIN_IDENTIFIER_BYTES: Final = 8


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What is known about the signer's certificate. Revocation is not looked at."""

    verdict: ChainVerdict
    flaws: tuple[ChainFlaw, ...] = ()
    anchor: Anchor | None = None
    """The anchor whose key verified the signer's certificate, or the pinned signer itself."""
    roots: tuple[Anchor, ...] = ()
    """Further up: the self-issued certificate behind a link certificate, where it is installed too."""


def inspect_chain(
    signer: Certificate,
    trust: TrustStore,
    *,
    at: datetime,
    signing_time: datetime | None = None,
    legacy: bool = False,
) -> Chain:
    """Trace a document signer to an anchor.

    1. The certificate may sign data, and signed while it was valid (ICAO 9303-12 §4: signing-time model). Without a
       signing time the start of validity stands in for it. That the certificate expired since is remarked, no flaw:
       documents outlive their signers.
    2. Every anchor that may have issued it is tried, likeliest first: key identifiers, then names, then country
       (:meth:`TrustStore.issuers_of`). The signature decides, not the names.
    3. The anchor is an authority, of the same country as the signer (ICAO 9303-12 §7.1: else any state could sign for
       any other), and was valid when it issued.
    4. An algorithm that is broken today counts only under ``legacy`` and is remarked then.

    Left to the caller: revocation, and the country printed in the document against the signer's.
    """
    flaw = _flaw_of_signer(signer, signing_time or signer.not_before, at)  # (1)
    if flaw:
        return _failed(flaw)
    remarks = (ChainFlaw.SIGNER_EXPIRED,) if at > signer.not_after else ()
    pinned = trust.find(signer)
    if pinned:
        return Chain(verdict=ChainVerdict.CHAINED, anchor=pinned, flaws=remarks)
    found = _find_issuer(signer, trust)  # (2)
    if found is None:
        forged = _names_installed_key(signer, trust)
        return _failed(ChainFlaw.FORGED_ISSUER) if forged else _no_anchor(ChainFlaw.NO_ANCHOR)
    anchor, evidence = found
    flaw = _flaw_of_issue(signer, anchor.certificate)  # (3)
    if flaw:
        return _failed(flaw)
    if evidence.weak and not legacy:  # (4)
        return _no_anchor(ChainFlaw.WEAK_ALGORITHM)
    weakness = (ChainFlaw.WEAK_ALGORITHM,) if evidence.weak else ()
    return Chain(
        verdict=ChainVerdict.CHAINED,
        anchor=anchor,
        roots=_roots_above(anchor, trust),
        flaws=weakness + remarks,
    )


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


def _flaw_of_signer(signer: Certificate, signed_at: datetime, at: datetime) -> ChainFlaw | None:
    if not signer.valid_at(signed_at) or signed_at > at + _CLOCK_SKEW:
        return ChainFlaw.OUTSIDE_VALIDITY
    return None if signer.may_sign_data else ChainFlaw.NOT_A_SIGNER


def _flaw_of_issue(signer: Certificate, issuer: Certificate) -> ChainFlaw | None:
    country = signer.subject.country
    if country is None or country != issuer.subject.country:
        return ChainFlaw.COUNTRY_MISMATCH
    return None if issuer.valid_at(signer.not_before) else ChainFlaw.OUTSIDE_VALIDITY


def _find_issuer(
    certificate: Certificate, trust: TrustStore
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


def _names_installed_key(certificate: Certificate, trust: TrustStore) -> bool:
    """Whether the certificate names an installed key by identifier and name, although that key never signed it."""
    identifier = certificate.authority_key_identifier
    if identifier is None or len(identifier) < _MIN_IDENTIFIER_BYTES:
        return False
    return any(
        anchor.certificate.subject_key_identifier == identifier
        and anchor.certificate.subject.folded == certificate.issuer.folded
        for anchor in trust.issuers_of(certificate)
    )


def _roots_above(anchor: Anchor, trust: TrustStore) -> tuple[Anchor, ...]:
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


def _failed(flaw: ChainFlaw) -> Chain:
    return Chain(verdict=ChainVerdict.FAILED, flaws=(flaw,))


def _no_anchor(flaw: ChainFlaw) -> Chain:
    return Chain(verdict=ChainVerdict.NO_ANCHOR, flaws=(flaw,))
