"""Sign JSON: JWS (RFC 7515) with the header of JAdES (ETSI TS 119 182-1), attached, levels B-B, B-T and B-LT.

1. The signer's certificate is valid and not revoked; otherwise nothing is signed.
2. The document must be JSON that every reader understands alike: UTF-8, no name twice in an object, no NaN.
3. Protected header: algorithm, chain (``x5c``), digest of the signer's certificate (``x5t#S256``), claimed time (``iat``).
4. The key signs the SHA-256 of ``header.payload``, here or elsewhere.
5. Check that value against the certificate.
6. Level B-T: an RFC 3161 timestamp over the encoded value. Level B-LT: chains and revocation lists. Both go into the
   unprotected header ``etsiU`` (§5.3), which is why the file is in the flattened JSON form (RFC 7515 §7.2.2).

The payload is the document byte for byte; nothing is written anew.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from ekyc import base64url
from ekyc.errors import InputError, LimitError
from ekyc.signing.authority.fitness import require_fit
from ekyc.signing.keys.algorithms import (
    SignatureAlgorithm,
    algorithm_of,
    plain_of,
    verify_value,
)
from ekyc.signing.levels import Level, extended, require_not_archival
from ekyc.signing.signatory import Services, Signatory, SigningIdentity, public_key_der_of
from ekyc.signing.validation.material import ValidationMaterial

MAX_JSON_BYTES: Final = 16 << 20
MAX_JWS_BYTES: Final = 24 << 20
NAMES: Final = {SignatureAlgorithm.ECDSA_P256: "ES256", SignatureAlgorithm.RSA_PSS_3072: "PS256"}
"""RFC 7518 §3.1; PS256 salts with 32 octets (§3.5), as our keys do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedJws:
    """A JWS that waits for the signature value."""

    protected: str
    payload: str
    certificate_der: bytes

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """What the value must be made with."""
        return algorithm_of(public_key_der_of(self.certificate_der))

    @property
    def to_be_signed(self) -> bytes:
        """The SHA-256 that the key signs."""
        return hashlib.sha256(f"{self.protected}.{self.payload}".encode()).digest()

    def __repr__(self) -> str:
        return f"PreparedJws({len(self.payload)} characters)"


def sign_json(document: bytes, signatory: Signatory, *, level: Level = Level.B_T) -> bytes:
    """Sign a JSON document.

    Args:
        document: JSON in UTF-8, at most 16 MiB.
        signatory: key, timestamps, revocation lists and clock.
        level: up to B-LT.

    Returns:
        A JWS in flattened JSON form; the document is its payload.

    Raises:
        InputError: ``signing.json.unreadable``, ``signing.level.unsupported``.
        LimitError: ``signing.json.too_large``.
        TrustError: ``signing.certificate.expired``, ``.not_yet_valid``, ``.revoked``.
        TimestampFailedError: signed, but not at the level asked for.
        UpstreamError: the key does not sign; there is nothing then.
    """
    require_not_archival(level)
    prepared = prepare_json(document, signatory.signer, signatory)
    value = signatory.signer.key.sign_digest(prepared.to_be_signed)  # (4)
    return complete_json(prepared, value, signatory, level=level)


def prepare_json(document: bytes, identity: SigningIdentity, services: Services) -> PreparedJws:
    """Steps 1 to 3; arguments and errors as of :func:`sign_json`."""
    at = services.clock.now()
    require_fit(identity, services.material(), at=at)  # (1)
    if len(document) > MAX_JSON_BYTES:
        raise LimitError(f"more than {MAX_JSON_BYTES >> 20} MiB", code="signing.json.too_large")
    read_json(document)  # (2)
    header = {  # (3)
        "alg": NAMES[identity.key.algorithm],
        "cty": "json",
        "iat": int(at.timestamp()),
        "typ": "jose+json",
        "x5c": [_base64(der) for der in (identity.certificate_der, *identity.issuers_der)],
        "x5t#S256": base64url.encode(hashlib.sha256(identity.certificate_der).digest()),
    }
    return PreparedJws(
        protected=base64url.encode(_json(header)),
        payload=base64url.encode(document),
        certificate_der=identity.certificate_der,
    )


def complete_json(
    prepared: PreparedJws, value: bytes, services: Services, *, level: Level = Level.B_T
) -> bytes:
    """Steps 5 and 6.

    Raises:
        TrustError: ``signing.key.mismatch``: not a signature of the certificate's key over this document.
        TimestampFailedError: signed, but not at the level asked for.
    """
    require_not_archival(level)
    verify_value(public_key_der_of(prepared.certificate_der), prepared.to_be_signed, value)  # (5)
    signed = {
        "payload": prepared.payload,
        "protected": prepared.protected,
        "signature": base64url.encode(plain_of(value, prepared.algorithm)),
    }
    return _extended(signed, services, level)  # (6)


def augment_json(jws: bytes, services: Services, *, level: Level = Level.B_LT) -> bytes:
    """Take a JWS in flattened JSON form, without an unprotected header, to B-T or B-LT.

    Raises:
        InputError: ``signing.json.unreadable``, ``signing.jws.unsigned``, ``signing.jws.augmented``,
            ``signing.level.unsupported``.
        TimestampFailedError: no timestamp; it carries what was given.
    """
    require_not_archival(level)
    signed = read_jws(jws)
    if "header" in signed:
        raise InputError("the JWS has an unprotected header already", code="signing.jws.augmented")
    return _extended(signed, services, level)


def read_jws(data: bytes) -> dict[str, Any]:
    """The members of a JWS in flattened JSON form.

    Raises:
        InputError: ``signing.json.unreadable``, ``signing.jws.unsigned``.
        LimitError: ``signing.json.too_large``.
    """
    if len(data) > MAX_JWS_BYTES:
        raise LimitError(f"more than {MAX_JWS_BYTES >> 20} MiB", code="signing.json.too_large")
    found = read_json(data)
    texts = ("payload", "protected", "signature")
    if (
        not isinstance(found, dict)
        or not all(isinstance(found.get(name), str) for name in texts)
        or not set(found) <= {*texts, "header"}
    ):
        raise InputError("not a JWS in flattened JSON form", code="signing.jws.unsigned")
    return found


def read_json(data: bytes) -> Any:
    """A JSON value.

    Raises:
        InputError: ``signing.json.unreadable``: not UTF-8, not JSON, a name twice in an object, NaN, or nested too deep.
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as exc:
        raise InputError(
            "not JSON that every reader understands alike", code="signing.json.unreadable"
        ) from exc


def _extended(signed: dict[str, Any], services: Services, level: Level) -> bytes:
    def extend(token: bytes, material: ValidationMaterial) -> bytes:
        return _json({**signed, "header": {"etsiU": _unsigned(token, material)}})

    stamped = signed["signature"].encode()
    return extended(_json(signed), stamped, extend, services, level=level)


def _unsigned(token: bytes, material: ValidationMaterial) -> list[dict[str, Any]]:
    """Unsigned header parameters: ``sigTst``, ``xVals``, ``rVals`` (TS 119 182-1 §5.3.4, §5.3.5)."""
    found: list[dict[str, Any]] = [{"sigTst": {"tstTokens": [{"val": _base64(token)}]}}]
    if material.certificates:
        values = [{"x509Cert": {"val": _base64(der)}} for der in material.certificates]
        found.append({"xVals": values})
    if material.crls:
        found.append({"rVals": {"crlVals": [{"val": _base64(der)} for der in material.crls]}})
    return found


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
