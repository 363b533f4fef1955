"""Base45 (RFC 9285): bytes as the 45 characters of a QR code's alphanumeric mode.

Two bytes become three characters, a last single byte two. Strict: of several spellings of one byte string only the
canonical one is read, and no character outside the alphabet, lower case included.
"""

from __future__ import annotations

from typing import Final

from ekyc.errors import InputError

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Bytes as text."""
    text: list[str] = []
    for at in range(0, len(data) - 1, 2):
        high, low = divmod(data[at] << 8 | data[at + 1], 45)
        text += ALPHABET[low], ALPHABET[high % 45], ALPHABET[high // 45]
    if len(data) % 2:
        high, low = divmod(data[-1], 45)
        text += ALPHABET[low], ALPHABET[high]
    return "".join(text)


def decode(text: str) -> bytes:
    """Text as bytes.

    Raises:
        InputError: ``credential.base45``.
    """
    if len(text) % 3 == 1:
        raise _malformed()
    try:
        values = [_VALUES[character] for character in text]
    except KeyError as exc:
        raise _malformed() from exc
    data = bytearray()
    whole = len(values) - len(values) % 3
    for at in range(0, whole, 3):
        number = values[at] + 45 * values[at + 1] + 2025 * values[at + 2]
        if number > 0xFFFF:
            raise _malformed()
        data += number.to_bytes(2)
    if whole < len(values):
        number = values[whole] + 45 * values[whole + 1]
        if number > 0xFF:
            raise _malformed()
        data.append(number)
    return bytes(data)


def _malformed() -> InputError:
    return InputError("not Base45 (RFC 9285)", code="credential.base45")
