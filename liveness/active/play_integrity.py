"""Google's Play Integrity: is this the operator's app, from the store, on a device that Google vouches for?

The token is a JWE (AES key wrap and AES-256-GCM, RFC 7516) around a JWS (ES256, RFC 7515) with keys that the operator
downloads from the Play Console ("manage and download my response encryption keys"), so nobody is asked over the network.
Fields as Google's page "Integrity verdicts" describes them.

1. Decrypt, verify, parse. Nothing but these algorithms is read.
2. ``requestDetails``: this session's challenge (as ``nonce`` or as ``requestHash``), this package, not older than allowed.
3. ``appIntegrity``: recognised by Play, this package, signed with a certificate of the operator.
4. ``deviceIntegrity``: the asked label.

What GENUINE does not prove: that the camera's pictures are those that were sent. A telephone that films a screen is
genuine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey

from ekyc import base64url
from ekyc.errors import InputError
from ekyc.liveness.active.attestation import AttestationVerdict

if TYPE_CHECKING:
    from ekyc.ports import Clock

_WRAPPING: Final = ["A256KW", "A256GCM"]
"""Compression is not among them: nothing is inflated."""
_SIGNING: Final = ["ES256"]
DEVICE_INTEGRITY: Final = "MEETS_DEVICE_INTEGRITY"
_RECOGNISED, _UNEVALUATED = "PLAY_RECOGNIZED", "UNEVALUATED"
_AHEAD: Final = timedelta(minutes=2)
"""Google's clock may be ahead of ours by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayIntegrityApp:
    """The operator's app, as the Play Console describes it."""

    package: str
    certificate_sha256: frozenset[str]
    """Of the certificates that sign it, base64url without padding, as the verdict gives them."""
    decryption_key: bytes = field(repr=False)
    """32 bytes."""
    verification_key_der: bytes
    """SubjectPublicKeyInfo, P-256."""
    device_label: str = DEVICE_INTEGRITY
    """What Google must say of the device."""
    max_age: timedelta = timedelta(minutes=10)
    """Of a verdict; a session takes a few minutes."""


class PlayIntegrityVerifier:
    """Verifies tokens of one app. Safe to share between threads."""

    def __init__(self, app: PlayIntegrityApp, clock: Clock) -> None:
        """
        Raises:
            InputError: ``liveness.attestation_keys_invalid``.
        """
        self._app = app
        self._clock = clock
        if len(app.decryption_key) != 32:
            raise _bad_keys("the decryption key has not 32 bytes")
        self._decryption = OctKey.import_key(app.decryption_key)
        self._verification = _p256(app.verification_key_der)

    def verify(self, token: bytes, challenge: bytes) -> AttestationVerdict:
        """What Google's keys say of a token that must name ``challenge`` (32 bytes); never raises for a token."""
        verdict = self._opened(token)  # (1)
        if verdict is None or not self._is_ours(verdict, challenge):  # (2), (3)
            return AttestationVerdict.REFUTED
        app, device = _part(verdict, "appIntegrity"), _part(verdict, "deviceIntegrity")
        labels = device.get("deviceRecognitionVerdict")
        vouched = isinstance(labels, list) and self._app.device_label in labels  # (4)
        if app.get("appRecognitionVerdict") == _RECOGNISED and vouched:
            return AttestationVerdict.GENUINE
        return AttestationVerdict.UNKNOWN

    def _opened(self, token: bytes) -> dict[str, Any] | None:
        try:
            inner = jwe.decrypt_compact(token, self._decryption, algorithms=_WRAPPING).plaintext
            if inner is None:
                return None
            signed = jws.deserialize_compact(inner, self._verification, algorithms=_SIGNING)
            verdict = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return verdict if isinstance(verdict, dict) else None

    def _is_ours(self, verdict: dict[str, Any], challenge: bytes) -> bool:
        request, app = _part(verdict, "requestDetails"), _part(verdict, "appIntegrity")
        named = [request[name] for name in ("nonce", "requestHash") if name in request]
        recognised = app.get("appRecognitionVerdict")
        return (
            len(named) == 1
            and _names(named[0], challenge)
            and request.get("requestPackageName") == self._app.package
            and self._is_fresh(request.get("timestampMillis"))
            and (recognised == _UNEVALUATED or (recognised == _RECOGNISED and self._signed(app)))
        )

    def _signed(self, app: dict[str, Any]) -> bool:
        """Whether the app that Play recognised is the operator's."""
        digests = app.get("certificateSha256Digest")
        return (
            app.get("packageName") == self._app.package
            and isinstance(digests, list)
            and len(digests) > 0
            and all(isinstance(one, str) for one in digests)
            and {one.rstrip("=") for one in digests} <= self._app.certificate_sha256
        )

    def _is_fresh(self, milliseconds: object) -> bool:
        try:
            told_s = int(str(milliseconds)) / 1000
        except (ValueError, OverflowError):
            return False
        age_s = self._clock.now().timestamp() - told_s
        return -_AHEAD.total_seconds() <= age_s <= self._app.max_age.total_seconds()


def _names(told: object, challenge: bytes) -> bool:
    """Whether a field holds the challenge in base64url, padded or not, as apps and Google write it."""
    expected = base64url.encode(challenge)
    return isinstance(told, str) and told.rstrip("=") == expected


def _part(verdict: dict[str, Any], name: str) -> dict[str, Any]:
    part = verdict.get(name)
    return part if isinstance(part, dict) else {}


def _p256(der: bytes) -> ECKey:
    try:
        key = load_der_public_key(der)
    except ValueError as exc:
        raise _bad_keys("the verification key cannot be read") from exc
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _bad_keys("the verification key lies not on P-256")
    return ECKey.import_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _bad_keys(what: str) -> InputError:
    return InputError(what, code="liveness.attestation_keys_invalid", subject="play_integrity")
