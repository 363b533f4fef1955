"""The client's side of RFC 3161: ask for a token over a digest, and check that the answer is to that question.

1. Send the digest with a fresh nonce and ask for the certificate.
2. The status must be granted.
3. The token must carry the same digest under the name of the same algorithm, and the same nonce (§2.4.2).

Whether the token's signature and certificate can be trusted is the validator's question, not asked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from asn1crypto import cms, core, parser, tsp

from ekyc.errors import UpstreamError
from ekyc.ports import Random
from ekyc.signing.der import integer, octet_string, oid, sequence, tlv

_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_TRUE: Final = tlv(0x01, b"\xff")
_MAX_RESPONSE_BYTES: Final = 64 << 10
"""Several times what a token with a whole chain takes."""


class _Response(core.Sequence):  # type: ignore[misc]  # asn1crypto publishes no types
    """TimeStampResp; asn1crypto's own does not know that a refusal carries no token (RFC 3161 §2.4.2)."""

    _fields = [  # noqa: RUF012  # the form that asn1crypto asks for
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def request_token(digest: bytes, *, ask: Callable[[bytes], bytes], random: Random) -> bytes:
    """DER of a timestamp token over a SHA-256 digest.

    Args:
        digest: 32 bytes.
        ask: carries a DER request to an authority and brings back its DER response.
        random: for the nonce.

    Raises:
        UpstreamError: ``signing.timestamp.refused``, or the answer does not fit the question
            (``signing.timestamp.mismatch``).
    """
    nonce = int.from_bytes(b"\x01" + random.token_bytes(8))
    imprint = sequence(sequence(oid(_SHA256)), octet_string(digest))
    request = sequence(integer(1), imprint, integer(nonce), _TRUE)
    answer = ask(request)  # (1)
    if len(answer) > _MAX_RESPONSE_BYTES:
        raise UpstreamError("larger than any timestamp", code="signing.timestamp.mismatch")
    try:
        response = _Response.load(answer)
        status = response["status"]["status"].native
        if status not in {"granted", "granted_with_mods"}:  # (2)
            raise UpstreamError(f"no timestamp: {status}", code="signing.timestamp.refused")
        token = response["time_stamp_token"]
        said = token["content"]["encap_content_info"]["content"].parsed
        imprint = said["message_imprint"]
        same_digest = (
            imprint["hash_algorithm"]["algorithm"].dotted == _SHA256
            and imprint["hashed_message"].native == digest
        )
        same_nonce = said["nonce"].native == nonce
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as exc:
        raise UpstreamError(
            "the answer is not a timestamp response", code="signing.timestamp.mismatch"
        ) from exc
    if not (same_digest and same_nonce):  # (3)
        raise UpstreamError(
            "the timestamp is not for this request", code="signing.timestamp.mismatch"
        )
    return _second_element(answer)


def _second_element(response: bytes) -> bytes:
    """The token as its bytes stand; asn1crypto's ``dump`` may encode it anew, for minutes (see :mod:`.der`)."""
    outer: Any = parser.parse(response)  # class, method, tag, header, contents, trailer
    elements: bytes = outer[4]
    return elements[parser.peek(elements) :]
