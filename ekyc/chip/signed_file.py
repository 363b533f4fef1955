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
from ekyc.chip.tlv import outer_tag
from ekyc.errors import ChipError, InputError
from ekyc.outcomes import Check, Outcome
from ekyc.pki import SignedData, TrustStore, der, parse_signed_data
from ekyc.pki.passive_auth import (
    SignatureFinding,
    inspect_signature,
    inspect_signer_chain,
    timed,
)

CARD_SECURITY_CONTENT_TYPE: Final = "0.4.0.127.0.7.3.2.1"
"""id-SecurityObject (BSI TR-03110-3 §A.1.2.5)."""
_CARD_SECURITY_OID: Final = bytes.fromhex("060804007f0007030201")
_SIGNED_DATA_OID: Final = bytes.fromhex("06092a864886f70d010702")
_SOD_TAG: Final = 0x77


def inspect_sod(
    data: bytes, *, trust: TrustStore, legacy: bool = False, at: datetime
) -> SignedFileReport:
    """Signature and chain of an EF.SOD. Without data groups nothing is known about any person.

    Raises:
        ChipError: ``chip.sod_malformed``: the file is no EF.SOD at all; ``chip.sod_unsupported``: it relies on an
            unknown algorithm or version.
    """
    sod = parse_sod(data)
    report = _inspect(ElementaryFile.SOD, sod.signed, trust=trust, legacy=legacy, at=at)
    return replace(report, listed_data_groups=tuple(sorted(sod.security_object.hashes)))


def inspect_card_security(
    data: bytes, *, trust: TrustStore, legacy: bool = False, at: datetime
) -> SignedFileReport:
    """Signature and chain of an EF.CardSecurity (ICAO 9303-11 §9.2.11; BSI TR-03110-3 §A.1.2.5).

    Raises:
        ChipError: ``chip.card_security_malformed``: the file is no EF.CardSecurity at all;
            ``chip.card_security_unsupported``: it relies on an unknown digest algorithm.
    """
    try:
        signed = parse_signed_data(data)
    except InputError as exc:
        unsupported = exc.code == "cms.digest_unsupported"
        code = f"chip.card_security_{'unsupported' if unsupported else 'malformed'}"
        raise ChipError(exc.message, code=code, subject=ElementaryFile.CARD_SECURITY) from exc
    if signed.content_type != CARD_SECURITY_CONTENT_TYPE:
        raise _malformed("the signed content is not a card security object")
    report = _inspect(ElementaryFile.CARD_SECURITY, signed, trust=trust, legacy=legacy, at=at)
    return replace(report, security_infos=_security_infos(signed))


def inspect_signed_file(
    data: bytes, *, trust: TrustStore, legacy: bool = False, at: datetime
) -> SignedFileReport:
    """EF.SOD or EF.CardSecurity, told apart by what they hold. Damage inside is a finding, not an error.

    Raises:
        ChipError: ``chip.not_a_signed_file``: the outer structure (tag, length) is of neither file.
    """
    if outer_tag(data) not in (_SOD_TAG, der.SEQUENCE) or _SIGNED_DATA_OID not in data[:32]:
        raise ChipError(
            "neither EF.SOD nor EF.CardSecurity, or cut short", code="chip.not_a_signed_file"
        )
    card_security = _CARD_SECURITY_OID in data[:64]
    inspect = inspect_card_security if card_security else inspect_sod
    try:
        return inspect(data, trust=trust, legacy=legacy, at=at)
    except ChipError as exc:
        file = ElementaryFile.CARD_SECURITY if card_security else ElementaryFile.SOD
        if exc.code.endswith("_unsupported"):
            return _unread(file, Outcome.INDETERMINATE, "chip.algorithm_unsupported", trust, at)
        return _unread(file, Outcome.FAILED, "chip.file_malformed", trust, at)


def _unread(
    file: ElementaryFile, outcome: Outcome, reason: str, trust: TrustStore, at: datetime
) -> SignedFileReport:
    signature = SignatureFinding(outcome=outcome, reasons=(reason,), subjects=(file.value,))
    chain = inspect_signer_chain(signature, trust=trust, at=at)
    return SignedFileReport(
        file=file,
        checks=(
            as_check(CHECK_STRUCTURE, signature),
            as_check(CHECK_SIGNATURE, signature),
            as_check(CHECK_CHAIN, chain),
        ),
        signature=signature,
        chain=chain,
    )


def _inspect(
    file: ElementaryFile, signed: SignedData, *, trust: TrustStore, legacy: bool, at: datetime
) -> SignedFileReport:
    signature = timed(lambda: inspect_signature(signed, trust=trust, legacy=legacy))
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
