"""Look at a JWS over a JSON document: is it intact, and who vouches for it?

1. Read its structure: flattened JSON form, attached payload that is JSON itself, header parameters that are understood.
2. The algorithm is ES256 or PS256, and the certificate's key is of that kind: nothing is negotiated.
3. The certificate is the first of ``x5c`` and has the digest ``x5t#S256``.
4. Integrity: its key signed header and payload. Otherwise TOTAL-FAILED.
5. Trust: timestamp, chain to one of the caller's anchors, revocation, times (:mod:`.trust_certificate`).

Every exception ends in INDETERMINATE. The unprotected header proves nothing by itself: timestamps, certificates and lists
in it carry their own signatures.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ekyc import base64url
from ekyc.errors import LimitError, TrustError
from ekyc.ports import Clock
from ekyc.signing.formats.jades import (
    MAX_JWS_BYTES,
    NAMES,
    read_json,
    read_jws,
)
from ekyc.signing.keys.algorithms import algorithm_of, value_of, verify_value
from ekyc.signing.signatory import public_key_der_of
from ekyc.signing.validation import conclude, trust
from ekyc.signing.validation.inspecting import UnreadableError, inspected, one, problem, settings_of
from ekyc.signing.validation.material import ValidationMaterial
from ekyc.signing.validation.report import SignatureReport, ValidationReport
from ekyc.signing.validation.trust_certificate import Vouchers, judge_certificate, subject_of

_PARAMETERS: Final = {"alg", "cty", "iat", "kid", "sigT", "typ", "x5c", "x5t#S256"}
"""``crit`` is not among them: what a signer calls critical and is not understood here is not passed over."""
_NEEDED: Final = {"alg", "x5c", "x5t#S256"}
_TYPES: Final = ("jose+json", "jose", "JOSE+JSON", "JOSE")
_CONTENTS: Final = ("json", "application/json")
"""Not another token: a reader could take what is inside for verified."""
_REASONS: Final = {
    "signing.json.unreadable": "signature.jws_form",
    "signing.jws.unsigned": "signature.jws_form",
    "signing.key.unsupported": "signature.algorithm_unknown",
}
_MAX_ITEMS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A JWS whose form is understood."""

    members: dict[str, Any]
    header: dict[str, Any]
    chain_der: tuple[bytes, ...]
    value: bytes


def inspect_jws(
    data: bytes,
    *,
    anchors: Iterable[bytes],
    crls: Iterable[bytes] = (),
    at: datetime | None = None,
    clock: Clock | None = None,
) -> ValidationReport:
    """Report on a JWS. Never raises for a bad one.

    Args:
        data: the JWS, at most 24 MiB.
        anchors: certificates to trust, DER or PEM.
        crls: revocation lists beyond those in the JWS, DER or PEM.
        at: judge as of this time (aware) instead of now.
        clock: gives the present.

    Raises:
        InputError: an anchor or CRL cannot be read, or ``at`` has no zone.
    """
    settings = settings_of(anchors, crls, at, clock)
    if len(data) > MAX_JWS_BYTES:
        return problem("signature.limit")

    def work(loop: asyncio.AbstractEventLoop) -> ValidationReport:
        return one(loop.run_until_complete(_judge(_read(data), settings)))

    return inspected(work)


def _read(data: bytes) -> _Signed:
    """Steps (1) to (3)."""
    try:
        return _understood(read_jws(data))
    except (LimitError, UnreadableError):
        raise
    except Exception as exc:  # whatever happens in a parser never passes
        reason = _REASONS.get(getattr(exc, "code", ""), "signature.unreadable")
        raise UnreadableError(reason) from exc


def _understood(members: dict[str, Any]) -> _Signed:
    header = read_json(base64url.decode(members["protected"]))
    read_json(base64url.decode(members["payload"]))
    _require_known_header(header, members.get("header", {}))  # (1)
    chain = tuple(map(_bytes, header["x5c"]))
    if not 0 < len(chain) <= _MAX_ITEMS:
        raise UnreadableError("signature.jws_header")
    algorithm = algorithm_of(public_key_der_of(chain[0]))
    if header["alg"] != NAMES[algorithm]:  # (2)
        raise UnreadableError("signature.jws_algorithm")
    if base64url.decode(header["x5t#S256"]) != hashlib.sha256(chain[0]).digest():  # (3)
        raise UnreadableError("signature.certificate_unbound")
    value = value_of(base64url.decode(members["signature"]), algorithm)
    return _Signed(members=members, header=header, chain_der=chain, value=value)


def _require_known_header(header: Any, unprotected: Any) -> None:
    """Nothing is negotiated, fetched, or taken for less than it says."""
    if (
        not isinstance(header, dict)
        or not _NEEDED <= set(header) <= _PARAMETERS
        or not set(unprotected) <= {"etsiU"}
        or header.get("typ", _TYPES[0]) not in _TYPES
        or header.get("cty", _CONTENTS[0]) not in _CONTENTS
        or not isinstance(header["x5c"], list)
        or not isinstance(header["alg"], str)
    ):
        raise UnreadableError("signature.jws_header")


async def _judge(signed: _Signed, settings: trust.TrustSettings) -> SignatureReport:
    return await conclude.judge_without_revisions(
        "JWS",
        lambda: _integrity(signed),  # (4)
        lambda: judge_certificate(_vouchers(signed), settings),  # (5)
        subject=subject_of(signed.chain_der[0]),
        claimed_time=_claimed_time(signed.header),
    )


def _integrity(signed: _Signed) -> conclude.IntegrityFinding:
    text = f"{signed.members['protected']}.{signed.members['payload']}"
    digest = hashlib.sha256(text.encode()).digest()
    try:
        verify_value(public_key_der_of(signed.chain_der[0]), digest, signed.value)
    except TrustError:
        return conclude.broken("SIG_CRYPTO_FAILURE")
    return conclude.intact()


def _vouchers(signed: _Signed) -> Vouchers:
    """What ``etsiU`` holds. Anything unexpected in it raises: then nothing passes."""
    tokens: list[bytes] = []
    certificates: list[bytes] = []
    lists: list[bytes] = []
    for entry in signed.members.get("header", {}).get("etsiU", []):
        ((name, content),) = entry.items()
        if name == "sigTst":
            tokens += [_bytes(token["val"]) for token in content["tstTokens"]]
        elif name == "xVals":
            certificates += [_bytes(item["x509Cert"]["val"]) for item in content]
        elif name == "rVals":
            lists += [_bytes(item["val"]) for item in content["crlVals"]]
    if max(map(len, (tokens, certificates, lists))) > _MAX_ITEMS:
        raise LimitError("more than a signature needs", code="signature.limit")
    stamped = signed.members["signature"].encode()
    return Vouchers(
        certificate_der=signed.chain_der[0],
        material=ValidationMaterial(
            certificates=(*signed.chain_der, *certificates), crls=tuple(lists)
        ),
        tokens=tuple(tokens),
        imprint=lambda algorithm: hashlib.new(algorithm, stamped).digest(),
    )


def _claimed_time(header: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(header["iat"], UTC)
    except (KeyError, OverflowError, OSError, TypeError, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
