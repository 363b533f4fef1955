"""From files to one set of anchors: every reason for an anchor kept, every list held against its authority."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ekyc.errors import EkycError, TrustError
from ekyc.pki import deviations
from ekyc.pki.anchors import (
    Anchor,
    InstalledCrl,
    InstalledDeviationList,
    Provenance,
    SourceKind,
    TrustAnchors,
)
from ekyc.pki.certificates import Certificate
from ekyc.pki.crl import Crl, verify_crl
from ekyc.pki.deviations import DeviationList
from ekyc.pki.path import ChainVerdict, inspect_chain
from ekyc.pki.trust_files import Refusal, TrustFile
from ekyc.values import Sha256Hex

_NOTHING: Final[frozenset[Sha256Hex]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What a set of files amounts to."""

    anchors: tuple[Anchor, ...]
    crls: tuple[InstalledCrl, ...]
    deviation_lists: tuple[InstalledDeviationList, ...]
    signers: tuple[Certificate, ...]
    refusals: tuple[tuple[Sha256Hex, Refusal], ...]
    """Lists that no anchor stands behind, each with the digest of its file."""


def assemble(
    files: Sequence[TrustFile],
    *,
    removed: Collection[Sha256Hex] = _NOTHING,
    beside: TrustAnchors | None = None,
) -> Assembly:
    """Put files together, and hold their lists against their own anchors and those of ``beside``.

    1. Certificates of all files become anchors, except those that the operator removed; one that stands in several
       files keeps all of them as its provenance.
    2. Revocation lists count where an anchor of their country signed them (:func:`verify_crl`).
    3. Deviation lists count where their signer chains to an anchor (:func:`inspect_chain`).

    What does not hold is refused and named; the order of the files plays no role.
    """
    anchors = _anchors(files, removed)  # (1)
    trust = TrustAnchors(anchors, entries=beside.entries if beside else ())
    refusals: list[tuple[Sha256Hex, Refusal]] = []
    crls: list[InstalledCrl] = []
    lists: list[InstalledDeviationList] = []
    for file in files:
        for crl in file.found.crls:  # (2)
            try:
                crls.append(install_crl(crl, trust))
            except EkycError as exc:
                refusals.append((file.sha256, _refusal("revocation list", crl.sha256, exc)))
        for listed in file.found.deviation_lists:  # (3)
            try:
                lists.append(install_deviation_list(listed, trust))
            except EkycError as exc:
                refusals.append((file.sha256, _refusal("deviation list", listed.sha256, exc)))
    return Assembly(
        anchors=anchors,
        crls=tuple(crls),
        deviation_lists=tuple(lists),
        signers=tuple({signer.fingerprint: signer for signer in _signers(files)}.values()),
        refusals=tuple(refusals),
    )


def refuse_lonely_lists(files: Iterable[TrustFile], assembly: Assembly) -> None:
    """Raise for a list that is a file of its own and has no authority; inside an LDIF one is only named.

    Raises:
        TrustError: ``pki.crl_no_authority``, ``pki.deviation_list_no_authority``, ``pki.algorithm_weak``.
    """
    for file in files:
        for sha256, refusal in assembly.refusals:
            if file.sha256 == sha256 and file.found.kind is not SourceKind.PKD_LDIF:
                raise TrustError(
                    f"no installed authority stands behind the {refusal.place}",
                    code=refusal.code,
                    subject=file.name,
                )


def install_crl(crl: Crl, trust: TrustAnchors) -> InstalledCrl:
    """A revocation list that an anchor signed.

    Raises:
        TrustError: ``pki.crl_no_authority``, ``pki.algorithm_weak``.
    """
    authority = verify_crl(crl, (anchor.certificate for anchor in trust.issuers_of_crl(crl)))
    return InstalledCrl(
        issuer_key=crl.issuer.key,
        authority=authority.fingerprint,
        sha256=crl.sha256,
        load=lambda: crl,
    )


def install_deviation_list(listed: DeviationList, trust: TrustAnchors) -> InstalledDeviationList:
    """A deviation list whose signer an anchor of its own country issued, judged as of when it signed.

    Raises:
        TrustError: ``pki.deviation_list_no_authority``.
    """
    signer = listed.signer
    signed_at = listed.signed_at or signer.not_before
    chain = inspect_chain(
        signer,
        trust,
        at=signed_at,
        signing_time=signed_at,
        purpose=deviations.SIGNING_PURPOSE,
    )
    if chain.verdict is not ChainVerdict.CHAINED or signer.subject.country is None:
        raise TrustError(
            "the signer of this deviation list chains to no installed authority",
            code="pki.deviation_list_no_authority",
        )
    return InstalledDeviationList(
        country=signer.subject.country, sha256=listed.sha256, load=lambda: listed
    )


def _anchors(files: Iterable[TrustFile], removed: Collection[Sha256Hex]) -> tuple[Anchor, ...]:
    found: dict[Sha256Hex, tuple[Certificate, list[Provenance]]] = {}
    for file in files:
        for certificate, listed_by in file.found.certificates:
            if certificate.fingerprint in removed:
                continue
            _, reasons = found.setdefault(certificate.fingerprint, (certificate, []))
            provenance = file.provenance(listed_by)
            if provenance not in reasons:
                reasons.append(provenance)
    return tuple(
        Anchor(
            certificate=certificate,
            source=reasons[0].source,
            listed_by=reasons[0].listed_by,
            provenance=tuple(reasons),
        )
        for certificate, reasons in found.values()
    )


def _signers(files: Iterable[TrustFile]) -> Iterable[Certificate]:
    return (signer for file in files for signer in file.found.signers)


def _refusal(what: str, sha256: Sha256Hex, error: EkycError) -> Refusal:
    return Refusal(place=f"{what} {sha256}", code=error.code)
