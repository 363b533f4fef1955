"""Whom to trust where there is no CMS: the certificate of a signature in XML or JSON, as of its timestamp or of now.

pyHanko judges CMS whole (:mod:`.trust`). Here its path validation judges the certificate by itself, under the same anchors,
purposes and revocation rules, and the findings get the names of ETSI EN 319 102-1 §5.2.6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto import cms, crl, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import (
    DisallowedAlgorithmError,
    ExpiredError,
    InsufficientRevinfoError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy

from ekyc.signing.validation import trust
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.report import Indication, TimestampReport

_NAMES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (RevokedError, "REVOKED_NO_POE"),
    (ExpiredError, "OUT_OF_BOUNDS_NO_POE"),
    (NotYetValidError, "OUT_OF_BOUNDS_NO_POE"),
    (InsufficientRevinfoError, "TRY_LATER"),
    (DisallowedAlgorithmError, "CRYPTO_CONSTRAINTS_FAILURE"),
    (PathBuildingError, "NO_CERTIFICATE_CHAIN_FOUND"),
    (InvalidCertificateError, "CHAIN_CONSTRAINTS_FAILURE"),
    (PathValidationError, "CERTIFICATE_CHAIN_GENERAL_FAILURE"),
    (ValidationError, "CERTIFICATE_CHAIN_GENERAL_FAILURE"),
)
"""Sub-indications by what path validation raises, the special before the general. All are INDETERMINATE, as pyHanko has
it for CMS too: a certificate that was revoked by then leaves the doubt whether its owner signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """What a signature brings along to be believed, as it stands in the file."""

    certificate_der: bytes
    """The signer's."""
    material: ValidationMaterial
    tokens: tuple[bytes, ...]
    """DER of its signature timestamps."""
    imprint: Callable[[str], bytes]
    """Digest, with an algorithm of this name, of what the timestamps must be over."""


async def judge_certificate(vouchers: Vouchers, settings: trust.TrustSettings) -> trust.Finding:
    """Validate signer, chain, revocation and time."""
    settings.start()
    certificates = [x509.Certificate.load(der) for der in vouchers.material.certificates]
    lists = [crl.CertificateList.load(der) for der in vouchers.material.crls]
    timestamp = await trust.judge_timestamps(
        _tokens(vouchers.tokens),
        vouchers.imprint,
        settings,
        settings.spec_with(certificates=certificates, crls=lists),
    )
    proven = timestamp is not None and timestamp.indication is Indication.TOTAL_PASSED
    context = _context(settings, certificates, lists, timestamp if proven else None)
    validator = CertificateValidator(
        x509.Certificate.load(vouchers.certificate_der),
        intermediate_certs=certificates,
        validation_context=context,
    )
    validate: Any = validator.async_validate_usage  # untyped in pyhanko-certvalidator 0.33
    try:
        path = await validate(set())
        _require_purpose(path.leaf)
    except (PathBuildingError, ValidationError) as exc:
        name = next(name for kind, name in _NAMES if isinstance(exc, kind))
        return trust.failed(name, Indication.INDETERMINATE, timestamp=timestamp)
    return trust.passed(path, timestamp=timestamp)


def subject_of(certificate_der: bytes) -> str:
    """Subject of a certificate, for people."""
    return str(x509.Certificate.load(certificate_der).subject.human_friendly)


def _context(
    settings: trust.TrustSettings,
    certificates: Iterable[Any],
    lists: Iterable[Any],
    timestamp: TimestampReport | None,
) -> ValidationContext:
    """As of the proven time; what lists issued later say of that time counts (EN 319 102-1 §5.2.6, §5.5)."""
    policy = settings.policy
    revocation = CertRevTrustPolicy(
        policy.revinfo_policy.revocation_checking_policy, retroactive_revinfo=timestamp is not None
    )
    return ValidationContext(
        trust_manager=policy.trust_manager,
        other_certs=list(certificates),
        crls=[*settings.known_crls, *lists],
        moment=timestamp.time if timestamp else settings.timing.validation_time,
        revinfo_policy=revocation,
        algorithm_usage_policy=policy.algorithm_usage_policy,
        signature_validator=policy.signature_validator,
        time_tolerance=policy.time_tolerance,
        allow_fetching=False,
    )


def _require_purpose(leaf: Any) -> None:
    """Usages with which a certificate may sign documents; those of :mod:`.trust`."""
    usage = leaf.key_usage_value
    extended = leaf.extended_key_usage_value
    wrong_usage = usage is not None and not {"digital_signature", "non_repudiation"} & usage.native
    wrong_purpose = extended is not None and not trust.PURPOSES & set(extended.native)
    if wrong_usage or wrong_purpose:
        raise InvalidCertificateError("not a certificate that signs documents")


def _tokens(ders: Iterable[bytes]) -> list[Any]:
    """``SignedData`` of each token.

    Raises:
        ValueError: more than four, or one is no token.
    """
    contents = [cms.ContentInfo.load(der, strict=True) for der in ders]
    if len(contents) > trust.MAX_TIMESTAMPS or any(
        content["content_type"].native != "signed_data" for content in contents
    ):
        raise ValueError("not timestamps that are judged here")
    return [content["content"] for content in contents]
