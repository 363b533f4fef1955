"""Inspect one signed file alone: EF.SOD without its data groups, or EF.CardSecurity."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.security_infos import SecurityInfos, parse_security_infos
from ekyc.chip.lds.sod import parse_sod
from ekyc.chip.report import (
    CHECK_CHAIN,
    CHECK_SIGNATURE,
    CHECK_STRUCTURE,
    SignedFileReport,
    as_check,
)
from ekyc.errors import ChipError, InputError
from ekyc.outcomes import Check, Outcome
from ekyc.pki import SignedData, TrustStore, parse_signed_data
from ekyc.pki.passive_auth import inspect_signature, inspect_signer_chain, timed

CARD_SECURITY_CONTENT_TYPE: Final = "0.4.0.127.0.7.3.2.1"
"""id-SecurityObject (BSI TR-03110-3 §A.1.2.5)."""


def inspect_sod(
    data: bytes, *, trust: TrustStore, legacy: bool = False, at: datetime
) -> SignedFileReport:
    """Signature and chain of an EF.SOD. Without data groups nothing is known about any person.

    Raises:
        ChipError: ``chip.sod_malformed``: the file is no EF.SOD at all.
    """
    sod = parse_sod(data)
    report = _inspect(ElementaryFile.SOD, sod.signed, trust=trust, legacy=legacy, at=at)
    return replace(report, listed_data_groups=tuple(sorted(sod.security_object.hashes)))


def inspect_card_security(
    data: bytes, *, trust: TrustStore, legacy: bool = False, at: datetime
) -> SignedFileReport:
    """Signature and chain of an EF.CardSecurity (ICAO 9303-11 §9.2.11; BSI TR-03110-3 §A.1.2.5).

    Raises:
        ChipError: ``chip.card_security_malformed``: the file is no EF.CardSecurity at all.
    """
    try:
        signed = parse_signed_data(data)
    except InputError as exc:
        raise _malformed(exc.message) from exc
    if signed.content_type != CARD_SECURITY_CONTENT_TYPE:
        raise _malformed("the signed content is not a card security object")
    report = _inspect(ElementaryFile.CARD_SECURITY, signed, trust=trust, legacy=legacy, at=at)
    return replace(report, security_infos=_security_infos(signed))


def _inspect(
    file: ElementaryFile, signed: SignedData, *, trust: TrustStore, legacy: bool, at: datetime
) -> SignedFileReport:
    signature = timed(lambda: inspect_signature(signed, legacy=legacy))
    chain = timed(lambda: inspect_signer_chain(signature, trust=trust, at=at, legacy=legacy))
    checks = (
        Check(id=CHECK_STRUCTURE, outcome=Outcome.PASSED),
        as_check(CHECK_SIGNATURE, signature),
        as_check(CHECK_CHAIN, chain),
    )
    return SignedFileReport(file=file, checks=checks, signature=signature, chain=chain)


def _security_infos(signed: SignedData) -> SecurityInfos | None:
    try:
        return parse_security_infos(signed.content, subject=ElementaryFile.CARD_SECURITY)
    except ChipError:
        return None


def _malformed(message: str) -> ChipError:
    return ChipError(
        message, code="chip.card_security_malformed", subject=ElementaryFile.CARD_SECURITY
    )
