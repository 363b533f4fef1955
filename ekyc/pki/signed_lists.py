"""What master lists and deviation lists have in common: one content, signed whole by a signer meant for it (ICAO 9303-12 §9)."""

from __future__ import annotations

from ekyc.errors import InputError, TrustError
from ekyc.pki.cms import CmsEvidence, parse_signed_data, verify_signed_data


def verify_signed_list(
    encoded: bytes, *, kind: str, content_type: str, purpose: str, malformed_code: str
) -> tuple[bytes, CmsEvidence]:
    """The content of a signed list, and how its signature verified.

    Left to the caller: the chain of the signer to an authority.

    Args:
        encoded: ContentInfo.
        kind: what the list is called in errors, in the singular.
        content_type: object identifier of the content.
        purpose: extended key usage of its signers; a signer without any extended key usage is let through.
        malformed_code: code of an error for content of another type.

    Raises:
        InputError: ``malformed_code`` or another structure error.
        TrustError: the signature does not verify, only by a broken algorithm (``pki.algorithm_weak``), or the signer
            is meant for something else (``pki.signer_not_allowed``).
    """
    signed = parse_signed_data(encoded)
    if signed.content_type != content_type:
        raise InputError(f"the content is not a {kind}", code=malformed_code)
    evidence = verify_signed_data(signed)
    if evidence.weak:
        raise TrustError("the list is signed by a weak algorithm", code="pki.algorithm_weak")
    if purpose not in (evidence.signer.purposes or {purpose}):
        raise TrustError(f"the signer is not for a {kind}", code="pki.signer_not_allowed")
    return signed.content, evidence
