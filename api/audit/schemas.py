"""Bodies of the evidence log's operations."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ekyc.api.forms import NAME_PATTERN, InputModel, OutputModel
from ekyc.api.schemas import ID_PATTERN

_KIND = r"^[a-z]+\.[a-z_]+$"
_LARGEST = 2**53 - 1
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)


def _moment(value: object) -> object:
    """A moment as RFC 3339 writes it, and no count of seconds.

    Raises:
        ValueError: another text.
    """
    if isinstance(value, str) and _RFC_3339.match(value) is None:
        raise ValueError("not a moment")
    return value


_Moment = Annotated[datetime, BeforeValidator(_moment)]


class Asked(InputModel):
    """Which page of a list."""

    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(
        default=None,
        max_length=200,
        description="`next` của trang trước. / `next` of the page before.",
    )


class EntryListing(Asked):
    """Which entries."""

    kind: str | None = Field(
        default=None,
        pattern=_KIND,
        max_length=64,
        description="Chỉ một loại sự kiện. / One kind of event only.",
    )


class CheckpointListing(Asked):
    """Which checkpoints."""


class AccessListing(Asked):
    """Which accesses."""

    since: _Moment | None = Field(default=None, description="Từ lúc này. / From this moment on.")
    until: _Moment | None = Field(default=None, description="Trước lúc này. / Before this moment.")
    file: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Phiên hoặc yêu cầu được xem. / Session or request that was looked into.",
    )
    account: str | None = Field(
        default=None,
        pattern=NAME_PATTERN,
        description="Bí danh đăng nhập hoặc mã ứng dụng. / Pseudonym of a login, or a client.",
    )


class InclusionWanted(InputModel):
    """Of which entry."""

    entry: int = Field(ge=0, le=_LARGEST)


class ConsistencyWanted(InputModel):
    """From which checkpoint."""

    size: int = Field(
        ge=1,
        le=_LARGEST,
        description="Kích thước của điểm kiểm cũ. / Size of the older checkpoint.",
    )


class EntryModel(OutputModel):
    """An entry; `event` is the text that was hashed, or `null` where the entry is not the caller's to read."""

    number: int
    leaf_sha256: str
    event: str | None


class EntryList(OutputModel):
    """A page of entries, in their order."""

    data: list[EntryModel]
    next: str | None


class CheckpointModel(OutputModel):
    """A signed checkpoint."""

    size: int
    note: str = Field(description="C2SP signed-note.")
    timestamp: str | None = Field(description="RFC 3161, DER, base64.")


class CheckpointList(OutputModel):
    """A page of checkpoints, the latest first."""

    data: list[CheckpointModel]
    next: str | None


class ProofModel(BaseModel):
    """A proof as `ekyc audit verify` takes it."""

    model_config = ConfigDict(extra="allow")

    schema_: Literal["ekyc.audit-proof/1"] = Field(alias="schema")
    kind: Literal["inclusion", "consistency"]
    hashes: list[str]
    checkpoints: list[str]


class AccessModel(OutputModel):
    """Somebody was given something of a person to see. `actor` and `subject` are pseudonyms."""

    entry: int
    at: datetime
    actor: str
    file: str
    what: str
    artefact: str | None
    subject: str


class AccessList(OutputModel):
    """A page of accesses, in their order."""

    data: list[AccessModel]
    next: str | None
