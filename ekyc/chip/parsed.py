"""All files of a chip parsed side by side; what cannot be parsed is kept as a problem, not raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from ekyc.chip.files import ChipFiles, ElementaryFile
from ekyc.chip.identity import VIETNAM
from ekyc.chip.lds.com import TAG_OF_DATA_GROUP, Com, parse_com
from ekyc.chip.lds.details import Details
from ekyc.chip.lds.dg1 import Dg1, parse_dg1
from ekyc.chip.lds.dg2 import Dg2, parse_dg2
from ekyc.chip.lds.dg3 import Dg3, parse_dg3
from ekyc.chip.lds.dg4 import Dg4, parse_dg4
from ekyc.chip.lds.dg5 import parse_dg5
from ekyc.chip.lds.dg7 import parse_dg7
from ekyc.chip.lds.dg11 import Dg11Field, parse_dg11
from ekyc.chip.lds.dg12 import Dg12Field, parse_dg12
from ekyc.chip.lds.dg13 import Dg13, parse_dg13
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.chip.lds.dg16 import Dg16, parse_dg16
from ekyc.chip.lds.displayed_images import DisplayedImages
from ekyc.chip.lds.security_infos import SecurityInfos
from ekyc.chip.lds.sod import Sod, parse_sod
from ekyc.chip.tlv import outer_tag
from ekyc.errors import ChipError
from ekyc.pki.keys import PublicKey

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFiles:
    """Parsed content by file; None where a file is missing or has a problem."""

    com: Com | None
    sod: Sod | None
    dg1: Dg1 | None
    dg2: Dg2 | None
    dg3: Dg3 | None
    dg4: Dg4 | None
    dg5: DisplayedImages | None
    dg7: DisplayedImages | None
    dg11: Details[Dg11Field] | None
    dg12: Details[Dg12Field] | None
    dg13: Dg13 | None
    """Of Vietnamese documents only."""
    dg14: SecurityInfos | None
    dg15: PublicKey | None
    dg16: Dg16 | None
    problems: Mapping[ElementaryFile, ChipError] = field(repr=False)

    @property
    def unsupported(self) -> frozenset[ElementaryFile]:
        """Files that are whole, as far as one can see, but in a form or with an algorithm that is not known here."""
        return frozenset(
            name for name, problem in self.problems.items() if problem.code.endswith("_unsupported")
        )


def parse_files(files: ChipFiles) -> ParsedFiles:
    """Parse every submitted file. Never raises for what the files hold.

    ICAO leaves the content of DG13 to each issuer, so that of another state is not parsed at all.
    """
    problems: dict[ElementaryFile, ChipError] = {}

    def parse(name: ElementaryFile, parser: Callable[[bytes], _T]) -> _T | None:
        data = files.get(name)
        if data is None:
            return None
        try:
            return parser(data)
        except ChipError as exc:
            problems[name] = exc
            return None

    dg1 = parse(ElementaryFile.DG1, parse_dg1)
    vietnamese = dg1 is None or dg1.issuer == VIETNAM
    parsed = ParsedFiles(
        com=parse(ElementaryFile.COM, parse_com),
        sod=parse(ElementaryFile.SOD, parse_sod),
        dg1=dg1,
        dg2=parse(ElementaryFile.DG2, parse_dg2),
        dg3=parse(ElementaryFile.DG3, parse_dg3),
        dg4=parse(ElementaryFile.DG4, parse_dg4),
        dg5=parse(ElementaryFile.DG5, parse_dg5),
        dg7=parse(ElementaryFile.DG7, parse_dg7),
        dg11=parse(ElementaryFile.DG11, parse_dg11),
        dg12=parse(ElementaryFile.DG12, parse_dg12),
        dg13=parse(ElementaryFile.DG13, parse_dg13) if vietnamese else None,
        dg14=parse(ElementaryFile.DG14, parse_dg14),
        dg15=parse(ElementaryFile.DG15, parse_dg15),
        dg16=parse(ElementaryFile.DG16, parse_dg16),
        problems=MappingProxyType(problems),
    )
    problems.update(_wrong_outer_tags(files, problems))
    return parsed


def _wrong_outer_tags(
    files: ChipFiles, known: Mapping[ElementaryFile, ChipError]
) -> dict[ElementaryFile, ChipError]:
    """Groups that are not interpreted must at least be one data object with the tag of their group."""
    return {
        name: ChipError("the outer tag is another", code="chip.tlv.malformed", subject=name)
        for name in files.names
        if name not in known
        and name.data_group
        and outer_tag(files.get(name) or b"") != TAG_OF_DATA_GROUP[name.data_group]
    }
