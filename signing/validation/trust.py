"""Whom to trust, as of when: the validation of certificates and times (ETSI EN 319 102-1 §5), without a network.

Revocation is checked of every certificate below an anchor, whether it points to a status service or not: with CRLs and OCSP
responses that the file carries, or that the caller hands over. Nothing is ever fetched; data that are missing give
INDETERMINATE.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import crl, ocsp, x509
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.sign.ades.report import AdESStatus, AdESSubIndic
from pyhanko.sign.validation.ades import (
    ades_basic_validation,
    ades_lta_validation,
    ades_timestamp_validation,
    ades_with_time_validation,
)
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter, message_imprint_checker
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import (
    CertificateFetchingRule,
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

from ekyc.errors import InputError, LimitError
from ekyc.outcomes import Check, Outcome
from ekyc.signing.validation.report import Indication, TimestampReport
from ekyc.signing.validation.trust_anchors import BoundedAnchors
from ekyc.signing.validation.trust_material import read_trust_material

CHECK_ID: Final = "signature.trust"
MAX_TIMESTAMPS: Final = 4
_CLOCK_TOLERANCE: Final = timedelta(seconds=60)

PURPOSES: Final = {
    "1.3.6.1.5.5.7.3.36",  # documentSigning, RFC 9336
    "1.2.840.113583.1.1.5",  # Adobe's authentic documents
    "microsoft_document_signing",
    "email_protection",
    "client_auth",  # what many issuers of personal signing certificates put there
}
"""Extended key usages with which a certificate may sign documents. Without the extension any purpose is allowed;
with it, a certificate for timestamps, OCSP or web servers of the same authority may not."""

_REVOCATION: Final = RevocationCheckingPolicy(
    ee_certificate_rule=RevocationCheckingRule.CRL_OR_OCSP_REQUIRED,
    intermediate_ca_cert_rule=RevocationCheckingRule.CRL_OR_OCSP_REQUIRED,
)
"""Status must be known of every certificate below the anchor (RFC 5280 §6.1.3 (a) (3)). With pyHanko's CHECK_IF_DECLARED a
list that is at hand and says *revoked* is not even read unless the certificate has a URI of its own for lists, so that
thirty tests of NIST PKITS are wrongly accepted."""

_NOTHING_FETCHED: Final = RevocationInfoGatheringSpec(
    online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY,
    certificate_fetching_rule=CertificateFetchingRule.NEVER_FETCH,
)
_USAGES: Final = KeyUsageConstraints(
    key_usage={"non_repudiation", "digital_signature"},
    match_all_key_usages=False,
    extd_key_usage=PURPOSES,
    explicit_extd_key_usage_required=False,
)

_INDICATIONS: Final = {
    AdESStatus.PASSED: Indication.TOTAL_PASSED,
    AdESStatus.INDETERMINATE: Indication.INDETERMINATE,
    AdESStatus.FAILED: Indication.TOTAL_FAILED,
}
_REVOKED: Final = {"REVOKED", "REVOKED_NO_POE", "REVOKED_CA_NO_POE"}
_REASONS: Final = {
    "HASH_FAILURE": "signature.digest_mismatch",
    "SIG_CRYPTO_FAILURE": "signature.value_wrong",
    "FORMAT_FAILURE": "signature.format",
    "REVOKED": "signature.revoked",
    "REVOKED_NO_POE": "signature.revoked",
    "REVOKED_CA_NO_POE": "signature.revoked",
    "NO_CERTIFICATE_CHAIN_FOUND": "signature.no_anchor",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE": "signature.certificate_not_verified",
    "NO_SIGNING_CERTIFICATE_FOUND": "signature.no_certificate",
    "EXPIRED": "signature.certificate_expired",
    "NOT_YET_VALID": "signature.certificate_expired",
    "NO_POE": "signature.certificate_expired",
    "OUT_OF_BOUNDS_NO_POE": "signature.certificate_expired",
    "OUT_OF_BOUNDS_NOT_REVOKED": "signature.certificate_expired",
    "REVOCATION_OUT_OF_BOUNDS_NO_POE": "signature.revocation_unknown",
    "TRY_LATER": "signature.revocation_unknown",
    "CHAIN_CONSTRAINTS_FAILURE": "signature.certificate_unsuitable",
    "SIG_CONSTRAINTS_FAILURE": "signature.certificate_unsuitable",
    "CRYPTO_CONSTRAINTS_FAILURE": "signature.weak_algorithm",
    "CRYPTO_CONSTRAINTS_FAILURE_NO_POE": "signature.weak_algorithm",
    "TIMESTAMP_ORDER_FAILURE": "signature.timestamp_invalid",
    "SIGNED_DATA_NOT_FOUND": "signature.content_missing",
    "SIGNATURE_POLICY_NOT_AVAILABLE": "signature.policy_unknown",
    "POLICY_PROCESSING_ERROR": "signature.policy_unknown",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of the signer and the time of one signature."""

    indication: Indication
    sub_indication: str | None
    anchor_subject: str | None
    timestamp: TimestampReport | None
    check: Check


class TrustSettings:
    """Anchors, revocation data and the time as of which to judge."""

    def __init__(
        self, *, anchors: Iterable[bytes], crls: Iterable[bytes], at: datetime, historical: bool
    ) -> None:
        """Read anchors and CRLs, each DER or PEM.

        Args:
            anchors: trusted certificates, of signers' and of timestamps' authorities alike.
            crls: revocation lists beyond those inside the file.
            at: time of judgement, aware.
            historical: whether that is another time than now.

        Raises:
            InputError: ``signing.trust.unreadable`` or ``signing.time.naive``.
        """
        if at.tzinfo is None:
            raise InputError("the time has no zone", code="signing.time.naive")
        trusted = [der for data in anchors for der in read_trust_material(data).certificates]
        revoked = [der for data in crls for der in read_trust_material(data).crls]
        roots = [x509.Certificate.load(der) for der in trusted]
        self.timing = ValidationTimingInfo(
            validation_time=at, best_signature_time=at, point_in_time_validation=historical
        )
        self._anchors = BoundedAnchors(roots)
        self.policy = _policy(self._anchors)
        self.known_crls = [crl.CertificateList.load(der) for der in revoked]

    def start(self) -> None:
        """Another signature is looked at, with bounds of its own."""
        self._anchors.start()

    def spec_for(self, signature: EmbeddedPdfSignature) -> SignatureValidationSpec:
        """The specification, with the certificates and revocation data that the file itself carries."""
        try:
            store = DocumentSecurityStore.read_dss(signature.reader)
        except NoDSSFoundError:
            return self.spec_with()
        lists = (item.get_object().read_data(DecodePurpose.CRL) for item in store.crls)
        return self.spec_with(
            certificates=list(store.load_certs()),
            crls=[crl.CertificateList.load(der) for der in lists],
            ocsps=[c for item in store.ocsps for c in _ocsp_containers(item)],
        )

    def spec_with(
        self,
        *,
        certificates: Iterable[x509.Certificate] = (),
        crls: Iterable[crl.CertificateList] = (),
        ocsps: Iterable[OCSPContainer] = (),
    ) -> SignatureValidationSpec:
        """The specification, with what a file carries."""
        knowledge = LocalKnowledge(
            known_ocsps=list(ocsps),
            known_crls=list(map(CRLContainer, (*self.known_crls, *crls))),
            known_certs=list(certificates),
        )
        return SignatureValidationSpec(
            cert_validation_policy=self.policy,
            revinfo_gathering_policy=_NOTHING_FETCHED,
            local_knowledge=knowledge,
            key_usage_settings=_USAGES,
        )


async def judge_signature(signature: EmbeddedPdfSignature, settings: TrustSettings) -> Finding:
    """Validate signer, chain, revocation and time of a signature in a PDF.

    As of the signature's timestamp where that passes (EN 319 102-1 §5.5), else as of now (§5.3). Where this does
    not decide and the file has document timestamps, with their proofs of existence as well (§5.6).
    """
    settings.start()
    spec = settings.spec_for(signature)
    found, timestamp = await _judge_cms(
        signature.signed_data, signature.signer_info, signature.compute_digest(), settings, spec
    )
    undecided = found.ades_subindic.status is AdESStatus.INDETERMINATE
    if undecided and signature.reader.embedded_timestamp_signatures:
        found = await ades_lta_validation(
            signature,
            PdfSignatureValidationSpec(signature_validation_spec=spec),
            timing_info=settings.timing,
        )
    return _finding(found.ades_subindic, found.api_status, timestamp=timestamp)


async def judge_detached(
    signed_data: Any, signer_info: Any, digest: bytes, settings: TrustSettings
) -> Finding:
    """The same of a CMS that stands alone, with the certificates and revocation lists that it carries.

    Args:
        signed_data: asn1crypto's ``SignedData``, of one signer.
        signer_info: that signer's.
        digest: of the content, with the signer's digest algorithm.
        settings: whom to trust.
    """
    settings.start()
    lists = [item for item in signed_data["crls"] or () if item.name != "other"]
    spec = settings.spec_with(crls=[item.chosen for item in lists])
    found, timestamp = await _judge_cms(signed_data, signer_info, digest, settings, spec)
    return _finding(found.ades_subindic, found.api_status, timestamp=timestamp)


async def _judge_cms(
    signed_data: Any,
    signer_info: Any,
    digest: bytes,
    settings: TrustSettings,
    spec: SignatureValidationSpec,
) -> tuple[Any, TimestampReport | None]:
    """What pyHanko finds, and what is known of the signature's own timestamps."""
    timestamp = await judge_timestamps(
        extract_tst_data_iter(signer_info, signed=False),
        message_imprint_checker(signer_info),
        settings,
        spec,
    )
    proven = timestamp is not None and timestamp.indication is Indication.TOTAL_PASSED
    validate = ades_with_time_validation if proven else ades_basic_validation
    options: Any = {"timing_info": settings.timing, "raw_digest": digest}
    result: Any = await validate(signed_data, spec, **options)
    known = spec.local_knowledge
    if result.ades_subindic.status is AdESStatus.PASSED and known.known_ocsps and known.known_crls:
        # pyHanko reads no list where a response says *good*: an older response must not hide a newer list.
        lists_alone = replace(spec, local_knowledge=replace(known, known_ocsps=[]))
        again: Any = await validate(signed_data, lists_alone, **options)
        if _name(again.ades_subindic) in _REVOKED:
            result = again
    return result, timestamp


async def judge_timestamps(
    tokens: Iterable[Any],
    imprint: Callable[[str], bytes],
    settings: TrustSettings,
    spec: SignatureValidationSpec,
) -> TimestampReport | None:
    """Validate a signature's own timestamps: the first that passes, else the last.

    Args:
        tokens: asn1crypto's ``SignedData`` of each.
        imprint: digest, with an algorithm of this name, of what they must be over.
        settings: whom to trust.
        spec: the same, with what the file itself carries.

    Raises:
        LimitError: ``signature.limit``: four did not pass, and there are more.
    """
    found: TimestampReport | None = None
    for number, token in enumerate(tokens):
        if number == MAX_TIMESTAMPS:
            raise LimitError("more timestamps than a signature needs", code="signature.limit")
        try:
            result = await ades_timestamp_validation(
                token, spec, imprint, timing_info=settings.timing
            )
            indication, name = (
                _INDICATIONS[result.ades_subindic.status],
                _name(result.ades_subindic),
            )
        except SignatureValidationError as exc:
            # A token that contradicts itself harms itself alone.
            indication = Indication.INDETERMINATE
            name = str(exc.ades_subindication.standard_name)
        found = TimestampReport(
            indication=indication, sub_indication=name, time=_stamped_time(token)
        )
        if indication is Indication.TOTAL_PASSED:
            break
    return found


def _stamped_time(token: Any) -> datetime:
    """Time in a token's SignedData; asn1crypto publishes no types."""
    at: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    return at


async def judge_document_timestamp(
    signature: EmbeddedPdfSignature, settings: TrustSettings
) -> Finding:
    """Validate a document timestamp (EN 319 102-1 §5.4)."""
    settings.start()
    result = await ades_timestamp_validation(
        signature.signed_data,
        settings.spec_for(signature),
        signature.compute_digest,
        timing_info=settings.timing,
    )
    return _finding(result.ades_subindic, result.api_status, timestamp=None)


def _finding(
    indication: AdESSubIndic, status: object, *, timestamp: TimestampReport | None
) -> Finding:
    path = getattr(status, "validation_path", None)
    name = _name(indication)
    if name is None:
        return passed(path, timestamp=timestamp)
    found = failed(name, _INDICATIONS[indication.status], timestamp=timestamp)
    return replace(found, anchor_subject=_anchor(path))


def passed(path: Any, *, timestamp: TimestampReport | None) -> Finding:
    """The finding that a certificate is trusted; ``path`` is the validator's, ``None`` if it gave none."""
    return Finding(
        indication=Indication.TOTAL_PASSED,
        sub_indication=None,
        anchor_subject=_anchor(path),
        timestamp=timestamp,
        check=Check(id=CHECK_ID, outcome=Outcome.PASSED),
    )


def failed(
    sub_indication: str, indication: Indication, *, timestamp: TimestampReport | None
) -> Finding:
    """The finding that it is not, or not known to be."""
    final = indication is Indication.TOTAL_FAILED
    outcome = Outcome.FAILED if final else Outcome.INDETERMINATE
    return Finding(
        indication=indication,
        sub_indication=sub_indication,
        anchor_subject=None,
        timestamp=timestamp,
        check=Check(id=CHECK_ID, outcome=outcome, reasons=(reason_for(sub_indication),)),
    )


def _anchor(path: Any) -> str | None:
    return path.trust_anchor.authority.name.human_friendly if path else None


def reason_for(sub_indication: str) -> str:
    """Reason code of a sub-indication of EN 319 102-1."""
    return _REASONS.get(sub_indication, "signature.unexpected")


def _name(indication: AdESSubIndic) -> str | None:
    passed = indication.status is AdESStatus.PASSED
    return None if passed else str(indication.standard_name)


def _policy(anchors: BoundedAnchors) -> CertValidationPolicySpec:
    return CertValidationPolicySpec(
        trust_manager=anchors,
        revinfo_policy=CertRevTrustPolicy(_REVOCATION),
        time_tolerance=_CLOCK_TOLERANCE,
    )


def _ocsp_containers(item: Any) -> list[OCSPContainer]:
    response = ocsp.OCSPResponse.load(item.get_object().read_data(DecodePurpose.OCSP_RESPONSE))
    return list(OCSPContainer.load_multi(response))
