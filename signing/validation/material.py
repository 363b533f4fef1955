"""What a validator needs besides the file: certificates and words on their status."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationMaterial:
    """DER of certificates, revocation lists and OCSP responses, in no particular order."""

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()
    """Each a whole OCSPResponse (RFC 6960 §4.2.1)."""

    def __add__(self, other: ValidationMaterial) -> ValidationMaterial:
        """Both, without repeating anything."""
        return ValidationMaterial(
            certificates=_once(self.certificates + other.certificates),
            crls=_once(self.crls + other.crls),
            ocsps=_once(self.ocsps + other.ocsps),
        )


def _once(items: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(items))
