"""What a signer's certificate says of itself. Nothing here is checked: that is what validation is for."""

from __future__ import annotations

from typing import Any, Final

from ekyc.signing.validation.report import CertificateFacts
from ekyc.values import Redacted

_QC_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"
_MOST: Final = 20


def facts_of(certificate: Any) -> CertificateFacts | None:
    """Read asn1crypto's ``x509.Certificate``; ``None`` where it cannot be read."""
    try:
        return _facts(certificate)
    except Exception:  # noqa: BLE001  # only described; its trust is judged elsewhere
        return None


def _facts(certificate: Any) -> CertificateFacts:
    key = certificate.public_key
    usage = certificate.key_usage_value
    purposes = certificate.extended_key_usage_value
    policies = certificate.certificate_policies_value
    extensions = certificate["tbs_certificate"]["extensions"] or ()
    return CertificateFacts(
        subject=Redacted(str(certificate.subject.human_friendly)),
        issuer=str(certificate.issuer.human_friendly),
        serial=f"{certificate.serial_number:x}",
        not_before=certificate.not_valid_before,
        not_after=certificate.not_valid_after,
        key=_key(key),
        key_usage=tuple(sorted(usage.native)) if usage is not None else (),
        purposes=tuple(map(str, purposes.native))[:_MOST] if purposes is not None else (),
        policies=tuple(str(p["policy_identifier"].dotted) for p in policies or ())[:_MOST],
        has_qc_statements=any(e["extn_id"].dotted == _QC_STATEMENTS for e in extensions),
        sha256=certificate.sha256.hex(),
    )


def _key(key: Any) -> str:
    name = str(key.algorithm)
    if name == "ec":
        return f"EC {key.curve[1]}"
    return f"{name.upper()} {key.bit_size}" if name.startswith("rsa") else name.upper()
