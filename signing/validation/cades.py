"""Look at a detached CMS beside its content: is it intact, and who vouches for it? (ETSI EN 319 102-1 §5)

1. Read its structure: DER or PEM, bounded, of the one form that is understood (:mod:`.cms_rules`). Else INDETERMINATE.
2. Digest the content with the signer's algorithm.
3. Integrity: the key of the embedded certificate signed that digest. Otherwise TOTAL-FAILED.
4. Trust: chain to one of the caller's anchors, revocation, times (:mod:`ekyc.signing.validation.trust`).

Every exception ends in INDETERMINATE.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, BinaryIO, Final

from asn1crypto import cms, pem
from pyhanko.sign.general import extract_certificate_info, extract_signer_info
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from ekyc.errors import LimitError
from ekyc.ports import Clock
from ekyc.signing.formats.cades import MAX_CMS_BYTES, MAX_CONTENT_BYTES
from ekyc.signing.validation import conclude, trust
from ekyc.signing.validation.cms_rules import in_order, require_bounded, require_known_form
from ekyc.signing.validation.inspecting import UnreadableError, inspected, one, problem, settings_of
from ekyc.signing.validation.report import SignatureReport, ValidationReport

_BLOCK: Final = 1 << 20
_TIME_S: Final = 120.0
"""Four gibibytes want to be digested."""


def inspect_cades(
    data: bytes,
    content: BinaryIO,
    *,
    anchors: Iterable[bytes],
    crls: Iterable[bytes] = (),
    at: datetime | None = None,
    clock: Clock | None = None,
) -> ValidationReport:
    """Report on a detached CMS. Never raises for a bad one.

    Args:
        data: the CMS, DER or PEM, at most 4 MiB.
        content: what it is over, from where the stream stands, at most 4 GiB.
        anchors: certificates to trust, DER or PEM.
        crls: revocation lists beyond those in the CMS, DER or PEM.
        at: judge as of this time (aware) instead of now.
        clock: gives the present.

    Raises:
        InputError: an anchor or CRL cannot be read, or ``at`` has no zone.
    """
    settings = settings_of(anchors, crls, at, clock)
    if len(data) > MAX_CMS_BYTES:
        return problem("signature.limit")

    def work(loop: asyncio.AbstractEventLoop) -> ValidationReport:
        signed_data, signer_info, certificate = _read(data)  # (1)
        digest = _digest(content, signer_info["digest_algorithm"]["algorithm"].native)  # (2)
        return one(
            loop.run_until_complete(_judge(signed_data, signer_info, certificate, digest, settings))
        )

    return inspected(work, time_s=_TIME_S)


def _read(data: bytes) -> tuple[Any, Any, Any]:
    """``SignedData``, its only ``SignerInfo`` and the signer's certificate, as asn1crypto has them."""
    try:
        der = _der(data)
        require_bounded(der)
        require_known_form(cms.ContentInfo.load(der, strict=True))
        # Anew: a look into attributes can change their encoding.
        wrapped: Any = cms.ContentInfo.load(der, strict=True)
        signed_data = wrapped["content"]
        signer_info: Any = extract_signer_info(signed_data)
        certificate = extract_certificate_info(signed_data).signer_cert
    except (LimitError, UnreadableError):
        raise
    except Exception as exc:  # whatever happens in a parser never passes
        raise UnreadableError from exc
    return signed_data, signer_info, certificate


def _der(data: bytes) -> bytes:
    if not pem.detect(data):
        return data
    unarmoured: Any = pem.unarmor(data)
    der: bytes = unarmoured[2]
    return der


def _digest(content: BinaryIO, algorithm: str) -> bytes:
    digest, size = hashlib.new(algorithm), 0
    while block := content.read(_BLOCK):
        size += len(block)
        if size > MAX_CONTENT_BYTES:
            raise LimitError("more than a content may have", code="signature.limit")
        digest.update(block)
    return digest.digest()


async def _judge(
    signed_data: Any,
    signer_info: Any,
    certificate: Any,
    digest: bytes,
    settings: trust.TrustSettings,
) -> SignatureReport:
    return await conclude.judge_without_revisions(
        "CAdES",
        lambda: _integrity(signer_info, certificate, digest),  # (3)
        lambda: trust.judge_detached(signed_data, signer_info, digest, settings),  # (4)
        subject=str(certificate.subject.human_friendly),
        claimed_time=_claimed_time(signer_info),
    )


def _integrity(signer_info: Any, certificate: Any, digest: bytes) -> conclude.IntegrityFinding:
    algorithm = str(signer_info["signature_algorithm"]["algorithm"].native)
    if not conclude.is_known_algorithm(algorithm):
        return conclude.unknown("CRYPTO_CONSTRAINTS_FAILURE", "signature.algorithm_unknown")
    try:
        intact, valid = validate_sig_integrity(signer_info, certificate, "data", digest)
    except SignatureValidationError as exc:
        name = str(exc.ades_subindication.standard_name)
        return conclude.unknown(name, trust.reason_for(name))
    if intact and valid:
        return conclude.intact()
    if intact and not in_order(signer_info["signed_attrs"]):
        # Signed may have been their DER (RFC 5652 §5.4), which does not stand in the file: openssl and DSS differ on such.
        return conclude.unknown("FORMAT_FAILURE", "signature.cms_attributes")
    return conclude.broken("SIG_CRYPTO_FAILURE" if intact else "HASH_FAILURE")


def _claimed_time(signer_info: Any) -> datetime | None:
    for attribute in signer_info["signed_attrs"]:
        if attribute["type"].native == "signing_time":
            claimed: datetime = attribute["values"][0].native
            return claimed
    return None
