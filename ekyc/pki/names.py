"""Distinguished names compared as people mean them: issuers of travel documents spell one name in many encodings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ekyc.errors import InputError
from ekyc.pki import der

_COUNTRY: Final = "2.5.4.6"
_COMMON_NAME: Final = "2.5.4.3"
_CODEC_OF_TAG: Final = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",  # TeletexString, in practice Latin-1
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_MAX_ATTRIBUTES: Final = 32
_KEPT_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Name:
    """A distinguished name: attribute type (dotted) and value, in order of appearance."""

    attributes: tuple[tuple[str, str], ...]
    folded: tuple[tuple[str, str], ...] = field(repr=False)
    """For comparison: case folded and runs of spaces made one; the string type no longer matters."""

    @classmethod
    def of(cls, *attributes: tuple[str, str]) -> Name:
        folded = tuple((oid, " ".join(value.casefold().split())) for oid, value in attributes)
        return cls(attributes, folded)

    @property
    def key(self) -> str:
        """The folded name as one string: names with the same key are the same name."""
        return "\n".join(f"{oid}={value}" for oid, value in self.folded)

    @property
    def country(self) -> str | None:
        """Country, upper case; real certificates also write it in lower case."""
        found = self._first(_COUNTRY)
        return found.strip().upper() if found else None

    @property
    def common_name(self) -> str | None:
        return self._first(_COMMON_NAME)

    def _first(self, oid: str) -> str | None:
        return next((value for kind, value in self.attributes if kind == oid), None)


def parse_name(encoded: bytes) -> Name:
    """Parse a DER ``Name``.

    Raises:
        InputError: ``asn1.*``.
    """
    return _known_name(encoded) if len(encoded) <= _KEPT_BYTES else _parse(encoded)


@lru_cache(maxsize=2048)
def _known_name(encoded: bytes) -> Name:
    """A few thousand names are all that occur in the world's certificates, so parsed ones are kept."""
    return _parse(encoded)


def forget_names() -> None:
    """Forget all kept names, for measurements from a cold start."""
    _known_name.cache_clear()


def _parse(encoded: bytes) -> Name:
    attributes: list[tuple[str, str]] = []
    for relative in der.children(encoded, der.single(encoded, der.SEQUENCE)):
        for pair in der.children(encoded, relative):
            parts = der.children(encoded, pair)
            if len(parts) != 2 or len(attributes) >= _MAX_ATTRIBUTES:
                raise InputError("a distinguished name is malformed", code="asn1.name")
            oid = der.decode_oid(der.content_of(encoded, parts[0]))
            attributes.append((oid, _text(parts[1].tag, der.content_of(encoded, parts[1]))))
    return Name.of(*attributes)


def _text(tag: int, content: bytes) -> str:
    try:
        return content.decode(_CODEC_OF_TAG.get(tag, "latin-1"))
    except UnicodeDecodeError:
        return content.decode(
            "latin-1"
        )  # mis-declared string types exist; the name stays comparable
