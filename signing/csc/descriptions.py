"""A credential as the interface describes it (CSC API v1.0.4.0 §11.5, v2.0.0.2 §11.5)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from cryptography import x509

from ekyc.signing.activation.remote import CredentialInfo, CredentialStatus
from ekyc.signing.activation.sad import ActivationMethod
from ekyc.signing.csc.hashes import key_bits, text
from ekyc.signing.keys.algorithms import SignatureAlgorithm

P256_OID: Final = "1.2.840.10045.3.1.7"
ONE_TIME_CODE: Final = "OTP"
AUTHENTICATOR: Final = "webauthn"
_CERTIFICATE_STATUS: Final[Mapping[CredentialStatus, str]] = MappingProxyType(
    {
        CredentialStatus.EXPIRED: "expired",
        CredentialStatus.REVOKED: "revoked",
        CredentialStatus.NOT_YET_VALID: "suspended",
    }
)


class Certificates(StrEnum):
    """Which certificates are asked for."""

    NONE = "none"
    SINGLE = "single"
    CHAIN = "chain"


def common_part(
    info: CredentialInfo, certificates: Certificates, *, details: bool
) -> dict[str, Any]:
    """What both versions say alike: key, certificate, level, how many signatures.

    Args:
        info: the credential.
        certificates: how many of them; the signer's stands first.
        details: whether names, number and validity are wanted beside the certificate.
    """
    certificate = x509.load_der_x509_certificate(info.certificate_der)
    return {
        "key": _key(info),
        "cert": {
            "status": _CERTIFICATE_STATUS.get(info.status, "valid"),
            **_certificates(info, certificates),
            **(_details(certificate) if details else {}),
        },
        "SCAL": "2",
        "multisign": info.max_hashes,
        "lang": "vi-VN",
    }


def auth_v1(info: CredentialInfo) -> dict[str, Any]:
    """How the holder authorises, in the words of version 1."""
    if not _explicit(info):
        return {"authMode": "oauth2code"}
    if ActivationMethod.TOTP not in info.methods:
        return {"authMode": "explicit", "PIN": {"presence": "false"}, "OTP": {"presence": "false"}}
    optional = ActivationMethod.VERIFICATION in info.methods
    return {
        "authMode": "explicit",
        "PIN": {"presence": "false"},
        "OTP": {
            "presence": "optional" if optional else "true",
            "type": "offline",
            "format": "N",
            "label": "Mã OTP",
            "description": "Mã 6 chữ số trên ứng dụng xác thực / 6 digits of the authenticator app",
            "ID": ONE_TIME_CODE,
        },
    }


def auth_v2(info: CredentialInfo, *, objects: bool) -> dict[str, Any]:
    """How the holder authorises, in the words of version 2.

    Args:
        info: the credential.
        objects: whether the ways are wanted; any one of them will do, and none where none is listed.
    """
    if not objects:
        return {"auth": {"mode": "explicit"}}
    offered: list[dict[str, str]] = []
    if ActivationMethod.TOTP in info.methods:
        offered.append(
            {
                "type": "Password",
                "id": ONE_TIME_CODE,
                "format": "N",
                "generator": "totp",
                "label": "Mã OTP",
                "description": "Mã 6 chữ số trên ứng dụng xác thực / 6 digits of the authenticator app",
            }
        )
    if ActivationMethod.WEBAUTHN in info.methods:
        offered.append(
            {
                "type": "ChallengeResponse",
                "id": AUTHENTICATOR,
                "label": "Khóa bảo mật",
                "description": "Khóa bảo mật hoặc vân tay của thiết bị / Passkey or security key",
            }
        )
    expression = {"expression": " OR ".join(entry["id"] for entry in offered)} if offered else {}
    return {"auth": {"mode": "explicit", **expression, "objects": offered}}


def _explicit(info: CredentialInfo) -> bool:
    return bool({ActivationMethod.TOTP, ActivationMethod.VERIFICATION} & set(info.methods))


def _key(info: CredentialInfo) -> dict[str, Any]:
    on_curve = info.algorithm is SignatureAlgorithm.ECDSA_P256
    return {
        "status": "enabled" if info.status is CredentialStatus.ENABLED else "disabled",
        "algo": [info.algorithm.dotted],
        "len": key_bits(info),
        **({"curve": P256_OID} if on_curve else {}),
    }


def _certificates(info: CredentialInfo, wanted: Certificates) -> dict[str, Any]:
    if wanted is Certificates.NONE:
        return {}
    chain = info.issuers_der if wanted is Certificates.CHAIN else ()
    return {"certificates": [text(der) for der in (info.certificate_der, *chain)]}


def _details(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "issuerDN": certificate.issuer.rfc4514_string(),
        "serialNumber": f"{certificate.serial_number:X}",
        "subjectDN": certificate.subject.rfc4514_string(),
        "validFrom": f"{certificate.not_valid_before_utc:%Y%m%d%H%M%SZ}",
        "validTo": f"{certificate.not_valid_after_utc:%Y%m%d%H%M%SZ}",
    }
