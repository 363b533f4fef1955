"""The attestation verifiers of an operator, from one description in TOML.

::

    [play_integrity]
    package = "vn.gov.example"
    certificate_sha256 = ["base64url of SHA-256"]
    decryption_key = "base64, 32 bytes"
    verification_key = "base64 of the DER"

    [app_attest]
    app_id = "TEAM123456.vn.gov.example"
    root = "Apple_App_Attestation_Root_CA.pem"     # beside this file
    development = false

Either table may be missing: statements of that platform stay undecided.
"""

from __future__ import annotations

import base64
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from ekyc.errors import InputError
from ekyc.files import read_file
from ekyc.liveness.active.app_attest import AppAttestApp, AppAttestVerifier
from ekyc.liveness.active.attestation import AttestationKind, AttestationVerdict
from ekyc.liveness.active.play_integrity import (
    DEVICE_INTEGRITY,
    PlayIntegrityApp,
    PlayIntegrityVerifier,
)

if TYPE_CHECKING:
    from ekyc.ports import Clock

_MAX_BYTES: Final = 64 * 1024


class StatementVerifier(Protocol):
    """Verifies statements of one platform."""

    def verify(self, token: bytes, challenge: bytes) -> AttestationVerdict:
        """As :class:`~ekyc.liveness.active.Attestor`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAttestor:
    """An :class:`~ekyc.liveness.active.Attestor` that asks the platform's own verifier."""

    play_integrity: StatementVerifier | None = None
    app_attest: StatementVerifier | None = None

    def verify(self, kind: AttestationKind, token: bytes, challenge: bytes) -> AttestationVerdict:
        """UNKNOWN where nobody is there for the platform."""
        known = {
            AttestationKind.PLAY_INTEGRITY: self.play_integrity,
            AttestationKind.APP_ATTEST: self.app_attest,
        }
        verifier = known[kind]
        return AttestationVerdict.UNKNOWN if verifier is None else verifier.verify(token, challenge)


def load_attestor(path: Path, clock: Clock) -> PlatformAttestor:
    """The verifiers that a file describes. Keep it as secret as the keys in it.

    Raises:
        InputError: ``liveness.attestation_config_invalid``, ``liveness.attestation_keys_invalid``; the text repeats
            nothing of the file.
    """
    try:
        told = _tables(_read(path))
        play, attest = told.get("play_integrity"), told.get("app_attest")
        return PlatformAttestor(
            play_integrity=None if play is None else PlayIntegrityVerifier(_play(play), clock),
            app_attest=(
                None if attest is None else AppAttestVerifier(_attest(attest, path.parent), clock)
            ),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as exc:
        raise InputError(
            "cannot be read as a description of attestation",
            code="liveness.attestation_config_invalid",
            subject=path.name,
        ) from exc


def _tables(text: bytes) -> dict[str, Any]:
    told = tomllib.loads(text.decode("utf-8"))
    if not told or set(told) - {"play_integrity", "app_attest"}:
        raise ValueError("other tables than those that are known")
    return told


def _play(told: dict[str, Any]) -> PlayIntegrityApp:
    return PlayIntegrityApp(
        package=str(told["package"]),
        certificate_sha256=frozenset(str(one).rstrip("=") for one in told["certificate_sha256"]),
        decryption_key=base64.b64decode(told["decryption_key"], validate=True),
        verification_key_der=base64.b64decode(told["verification_key"], validate=True),
        device_label=str(told.get("device_label", DEVICE_INTEGRITY)),
    )


def _attest(told: dict[str, Any], folder: Path) -> AppAttestApp:
    development = told.get("development", False)
    if not isinstance(development, bool):
        raise TypeError("development is true or false")
    return AppAttestApp(
        app_id=str(told["app_id"]),
        root_pem=_read(folder / str(told["root"])),
        development=development,
    )


def _read(path: Path) -> bytes:
    return read_file(path, _MAX_BYTES, code="liveness.attestation_config_invalid")
