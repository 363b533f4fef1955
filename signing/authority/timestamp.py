"""The client's side of RFC 3161: ask for a token over a digest, and check that the answer is to that question.

1. Send the digest with a fresh nonce and ask for the certificate.
2. The status must be granted.
3. The token must carry the same digest under the name of the same algorithm, and the same nonce (§2.4.2).
4. It must carry the certificate of whoever signed it, which must be for timestamps; that key must have signed it.
5. Its time must be near ours.

Whether that certificate leads to a trusted anchor is the validator's question, not asked here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import cms, core, parser, tsp
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import load_der_x509_certificate
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_sig_integrity

from ekyc.errors import EkycError, UpstreamError
from ekyc.ports import Clock, Random
from ekyc.signing.der import integer, octet_string, oid, sequence, tlv

_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_TOLERANCE: Final = timedelta(minutes=5)
_TRUE: Final = tlv(0x01, b"\xff")
_MAX_RESPONSE_BYTES: Final = 64 << 10
"""Several times what a token with a whole chain takes."""


class _Response(core.Sequence):  # type: ignore[misc]  # asn1crypto publishes no types
    """TimeStampResp; asn1crypto's own does not know that a refusal carries no token (RFC 3161 §2.4.2)."""

    _fields = [  # noqa: RUF012  # the form that asn1crypto asks for
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def request_token(
    digest: bytes,
    *,
    ask: Callable[[bytes], bytes],
    random: Random,
    nonce: int | None = None,
    clock: Clock | None = None,
) -> bytes:
    """DER of a timestamp token over a SHA-256 digest.

    Args:
        digest: 32 bytes.
        ask: carries a DER request to an authority and brings back its DER response.
        random: for the nonce.
        nonce: somebody else's, in its place; not negative.
        clock: for step (5), which is left out without one.

    Raises:
        UpstreamError: ``signing.timestamp.refused``; or the answer does not fit the question
            (``signing.timestamp.mismatch``); or the token is without its certificate (``.certificate``), not signed by it
            (``.signature``), of another time (``.time``).
    """
    if nonce is None:
        nonce = int.from_bytes(b"\x01" + random.token_bytes(8))
    imprint = sequence(sequence(oid(_SHA256)), octet_string(digest))
    request = sequence(integer(1), imprint, integer(nonce), _TRUE)
    answer = ask(request)  # (1)
    if len(answer) > _MAX_RESPONSE_BYTES:
        raise UpstreamError("larger than any timestamp", code="signing.timestamp.mismatch")
    with _parsing():
        token = _granted(answer)  # (2)
        said = token["encap_content_info"]["content"].parsed
        imprint = said["message_imprint"]
        same = (
            imprint["hash_algorithm"]["algorithm"].dotted == _SHA256
            and imprint["hashed_message"].native == digest
            and said["nonce"].native == nonce
        )
        if not same:  # (3)
            raise UpstreamError(
                "the timestamp is not for this request", code="signing.timestamp.mismatch"
            )
        _require_signed(token)  # (4)
        if clock is not None and abs(said["gen_time"].native - clock.now()) > _TOLERANCE:  # (5)
            raise UpstreamError(
                "the time in the timestamp is far from this machine's",
                code="signing.timestamp.time",
            )
        return _second_element(answer)


def policy_of(answer: bytes) -> str:
    """Policy, in dotted form, under which a granted response was made.

    Raises:
        UpstreamError: ``signing.timestamp.refused``, ``.mismatch``.
    """
    with _parsing():
        policy: str = _granted(answer)["encap_content_info"]["content"].parsed["policy"].dotted
        return policy


def require_token(token: bytes, digest: bytes, *, authority_der: bytes | None = None) -> datetime:
    """The time of a token, if it is over this digest and its certificate signed it.

    Args:
        token: DER.
        digest: 32 bytes, SHA-256.
        authority_der: certificate of the time-stamping authority, or of whoever issued that; without it nobody is known
            to stand behind the time.

    Raises:
        UpstreamError: ``signing.timestamp.mismatch``, ``.certificate``, ``.signature``.
    """
    with _parsing():
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        said = signed["encap_content_info"]["content"].parsed
        imprint = said["message_imprint"]
        name = imprint["hash_algorithm"]["algorithm"].dotted
        if name != _SHA256 or imprint["hashed_message"].native != digest:
            raise UpstreamError("the timestamp is over another", code="signing.timestamp.mismatch")
        found = _require_signed(signed)
        if authority_der is not None and not _stands_behind(authority_der, found.dump()):
            raise UpstreamError(
                "the timestamp is by another authority", code="signing.timestamp.certificate"
            )
        at: datetime = said["gen_time"].native
        return at


def _stands_behind(authority_der: bytes, certificate_der: bytes) -> bool:
    """Whether a certificate is the authority's own, or one that it issued."""
    if authority_der == certificate_der:
        return True
    try:
        load_der_x509_certificate(certificate_der).verify_directly_issued_by(
            load_der_x509_certificate(authority_der)
        )
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@contextmanager
def _parsing() -> Iterator[None]:
    try:
        yield
    except EkycError:
        raise
    except Exception as exc:  # whatever a wrong answer makes a parser raise is the answer's fault
        raise UpstreamError(
            "the answer is not a timestamp response", code="signing.timestamp.mismatch"
        ) from exc


def _granted(answer: bytes) -> Any:
    """``SignedData`` of the token, as asn1crypto has it."""
    response = _Response.load(answer, strict=True)
    status = response["status"]["status"].native
    if status not in {"granted", "granted_with_mods"}:
        raise UpstreamError(f"no timestamp: {status}", code="signing.timestamp.refused")
    return response["time_stamp_token"]["content"]


def _require_signed(token: Any) -> Any:
    """Step (4); the certificate."""
    (signer,) = token["signer_infos"]
    certificate = next(
        (item.chosen for item in token["certificates"] if _is_of(item.chosen, signer)), None
    )
    if certificate is None:
        raise UpstreamError(
            "the timestamp lacks its certificate, which was asked for",
            code="signing.timestamp.certificate",
        )
    purposes = certificate.extended_key_usage_value
    if purposes is None or purposes.native != ["time_stamping"]:
        raise UpstreamError(
            "the timestamp's certificate is not for timestamps alone",
            code="signing.timestamp.certificate",
        )
    algorithm = signer["digest_algorithm"]["algorithm"].native
    statement = bytes(token["encap_content_info"]["content"])
    try:
        intact, valid = validate_sig_integrity(
            signer, certificate, "tst_info", hashlib.new(algorithm, statement).digest()
        )
    except SignatureValidationError:
        intact = valid = False
    if not (intact and valid):
        raise UpstreamError(
            "the timestamp is not signed by its certificate", code="signing.timestamp.signature"
        )
    return certificate


def _is_of(certificate: Any, signer: Any) -> bool:
    """Whether a signer is named by this certificate's issuer and serial number, or key identifier."""
    named = signer["sid"].chosen
    if signer["sid"].name == "subject_key_identifier":
        return bool(certificate.key_identifier == named.native)
    return bool(
        certificate.serial_number == named["serial_number"].native
        and certificate.issuer.dump() == named["issuer"].dump()
    )


def _second_element(response: bytes) -> bytes:
    """The token as its bytes stand; asn1crypto's ``dump`` may encode it anew, for minutes (see :mod:`.der`)."""
    outer: Any = parser.parse(response)  # class, method, tag, header, contents, trailer
    elements: bytes = outer[4]
    return elements[parser.peek(elements) :]
