"""EF.DG15: the public key of active authentication (ICAO 9303-10 §4.7.15)."""

from __future__ import annotations

from typing import Final

from ekyc.chip.tlv import unwrap
from ekyc.errors import ChipError, InputError
from ekyc.pki.keys import PublicKey, parse_public_key

_TAG: Final = 0x6F


def parse_dg15(data: bytes) -> PublicKey:
    """Parse EF.DG15. Whose key it is, only a covering EF.SOD tells.

    Raises:
        ChipError: ``chip.tlv.*``, ``chip.dg15_malformed``, ``chip.dg15_unsupported``.
    """
    content = unwrap(data, _TAG)
    try:
        return parse_public_key(content)
    except InputError as exc:
        unsupported = exc.code == "pki.key_unsupported"
        raise ChipError(
            exc.message,
            code="chip.dg15_unsupported" if unsupported else "chip.dg15_malformed",
            subject="EF.DG15",
        ) from exc
