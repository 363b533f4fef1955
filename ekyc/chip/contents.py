"""What the submitted files hold, counted and named: nothing that a file says about a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ekyc.chip.files import ElementaryFile
from ekyc.chip.lds.biometric import BiometricTemplate
from ekyc.chip.lds.details import Details
from ekyc.chip.lds.dg2 import Dg2
from ekyc.chip.lds.dg13 import Dg13
from ekyc.chip.lds.dg16 import Dg16
from ekyc.chip.lds.displayed_images import DisplayedImages
from ekyc.chip.lds.sod import Sod
from ekyc.chip.parsed import ParsedFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContents:
    """What one parsed file holds. Whether anybody vouches for it, the coverage of its data group tells."""

    file: ElementaryFile
    formats: tuple[str, ...] = ()
    """Standards, versions and image formats, each once."""
    count: int = 1
    """Faces, templates, images, fields or persons."""
    unreadable: tuple[str, ...] = ()
    """Fields, tags or numbers of parts that could not be read; the others are unharmed."""
    unknown: tuple[str, ...] = ()
    """Fields or tags that this version does not know; kept raw."""


def describe_contents(parsed: ParsedFiles) -> tuple[FileContents, ...]:
    """One entry per file that could be parsed, in the order of ICAO 9303-10."""
    found = (
        _com(parsed),
        _sod(parsed.sod),
        _dg1(parsed),
        _dg2(parsed.dg2),
        _biometrics(ElementaryFile.DG3, parsed.dg3.templates if parsed.dg3 else None),
        _biometrics(ElementaryFile.DG4, parsed.dg4.templates if parsed.dg4 else None),
        _images(ElementaryFile.DG5, parsed.dg5),
        _images(ElementaryFile.DG7, parsed.dg7),
        _details(ElementaryFile.DG11, parsed.dg11),
        _details(ElementaryFile.DG12, parsed.dg12),
        _dg13(parsed.dg13),
        _dg14(parsed),
        _dg15(parsed),
        _dg16(parsed.dg16),
    )
    return tuple(item for item in found if item)


def contents_as_json(contents: Iterable[FileContents]) -> dict[str, Any]:
    """JSON form, by file name; no personal data."""
    return {
        item.file.value: {
            "formats": list(item.formats),
            "count": item.count,
            "unreadable": list(item.unreadable),
            "unknown": list(item.unknown),
        }
        for item in contents
    }


def _com(parsed: ParsedFiles) -> FileContents | None:
    if parsed.com is None:
        return None
    return FileContents(file=ElementaryFile.COM, count=len(parsed.com.data_groups))


def _sod(sod: Sod | None) -> FileContents | None:
    if sod is None:
        return None
    return FileContents(
        file=ElementaryFile.SOD,
        formats=(f"LDS security object version {sod.version}",),
        count=len(sod.security_object.hashes),
    )


def _dg1(parsed: ParsedFiles) -> FileContents | None:
    if parsed.dg1 is None:
        return None
    return FileContents(file=ElementaryFile.DG1, formats=(parsed.dg1.format,))


def _dg2(dg2: Dg2 | None) -> FileContents | None:
    if dg2 is None:
        return None
    formats = (item.encoding.value for item in dg2.images)
    images = (item.format.value for item in dg2.images)
    return FileContents(
        file=ElementaryFile.DG2,
        formats=tuple(dict.fromkeys([*formats, *images])),
        count=len(dg2.images),
        unreadable=tuple(map(str, dg2.unreadable)),
    )


def _biometrics(
    file: ElementaryFile, templates: tuple[BiometricTemplate, ...] | None
) -> FileContents | None:
    if templates is None:
        return None
    return FileContents(file=file, count=len(templates))


def _images(file: ElementaryFile, group: DisplayedImages | None) -> FileContents | None:
    if group is None:
        return None
    formats = (item.format.value for item in group.images if item.format)
    unreadable = (str(i) for i, item in enumerate(group.images, start=1) if item.format is None)
    return FileContents(
        file=file,
        formats=tuple(dict.fromkeys(formats)),
        count=len(group.images),
        unreadable=tuple(unreadable),
    )


def _details(file: ElementaryFile, group: Details[Any] | None) -> FileContents | None:
    if group is None:
        return None
    return FileContents(
        file=file,
        count=len(group.values),
        unreadable=_tags(group.unreadable),
        unknown=_tags(group.unknown),
    )


def _dg13(group: Dg13 | None) -> FileContents | None:
    if group is None:
        return None
    return FileContents(
        file=ElementaryFile.DG13,
        count=len(group.texts) + len(group.names),
        unreadable=tuple(map(str, group.unreadable)),
        unknown=tuple(map(str, group.unknown)),
    )


def _dg14(parsed: ParsedFiles) -> FileContents | None:
    if parsed.dg14 is None:
        return None
    return FileContents(
        file=ElementaryFile.DG14,
        count=len(parsed.dg14.infos),
        unreadable=tuple(map(str, parsed.dg14.unreadable)),
    )


def _dg15(parsed: ParsedFiles) -> FileContents | None:
    if parsed.dg15 is None:
        return None
    kind = type(parsed.dg15).__name__.removesuffix("PublicKey").upper()
    return FileContents(file=ElementaryFile.DG15, formats=(f"{kind} {parsed.dg15.bits}",))


def _dg16(group: Dg16 | None) -> FileContents | None:
    if group is None:
        return None
    inside = {tag for person in group.persons for tag in person.unreadable}
    unknown = {tag for person in group.persons for tag in person.unknown}
    return FileContents(
        file=ElementaryFile.DG16,
        count=len(group.persons),
        unreadable=_tags([*group.unreadable, *sorted(inside)]),
        unknown=_tags(sorted(unknown)),
    )


def _tags(tags: Iterable[int]) -> tuple[str, ...]:
    return tuple(f"{tag:X}" for tag in tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDetails:
    """DG11, DG12 and DG16 where the security object vouches for them; ``repr`` shows no personal data."""

    dg11: Details[Any] | None = None
    dg12: Details[Any] | None = None
    dg16: Dg16 | None = None


def details_as_json(details: AdditionalDetails) -> dict[str, Any]:
    """**Personal data in clear.** Only for the person's own terminal or an explicit request. Images are named only."""
    found: dict[str, Any] = {}
    if details.dg11:
        found[ElementaryFile.DG11.value] = _revealed(details.dg11)
    if details.dg12:
        found[ElementaryFile.DG12.value] = _revealed(details.dg12)
    if details.dg16:
        found[ElementaryFile.DG16.value] = [_revealed(person) for person in details.dg16.persons]
    return found


def _revealed(group: Details[Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:  # str, tuple, date, datetime or bytes
        if isinstance(value, bytes):
            return f"image of {len(value)} bytes"
        return list(value) if isinstance(value, tuple) else str(value)

    named: dict[IntEnum, Any] = dict(group.values)
    return {name.name.lower(): plain(value.reveal()) for name, value in named.items()}
