"""Bodies of the chip sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ekyc.api.forms import InputModel
from ekyc.api.schemas import CheckModel
from ekyc.chip import AccessKey, CanKey, MrzKey
from ekyc.chip.relay import RelayMode
from ekyc.errors import InputError


class MrzAccess(InputModel):
    """What the machine readable zone prints. ``repr`` shows none of it."""

    document_number: str = Field(
        max_length=27,
        repr=False,
        description="Số giấy tờ như in trong vùng đọc máy; căn cước: 9 chữ số cuối của số định danh. / "
        "Document number as the zone prints it; Vietnamese card: the last nine digits of the personal number.",
    )
    birth: str = Field(max_length=6, repr=False, description="YYMMDD")
    expiry: str = Field(max_length=6, repr=False, description="YYMMDD")


class ChipSessionRequest(InputModel):
    """A reading to be relayed."""

    mode: RelayMode = Field(
        default=RelayMode.FULL,
        description="`full`: máy chủ gửi mọi lệnh; `hybrid`: điện thoại mở chip rồi chuyển phiên. / "
        "`full`: the server sends every command; `hybrid`: the phone opens the chip and hands the session over.",
    )
    mrz: MrzAccess | None = Field(
        default=None,
        repr=False,
        description="Khóa mở chip, chỉ với `full`: vùng đọc máy … / Key to the chip, with `full` only: the zone …",
    )
    can: str | None = Field(
        default=None,
        max_length=6,
        repr=False,
        description="… hoặc số truy cập thẻ (CAN), sáu chữ số. / … or the card access number, six digits.",
    )

    def access_key(self) -> AccessKey | None:
        """The key to the chip, where one is given.

        Raises:
            InputError: ``chip.access_key``: two are given, or one of another form.
        """
        if self.mrz is not None and self.can is not None:
            raise InputError("give either mrz or can", code="chip.access_key")
        if self.mrz is not None:
            return MrzKey(self.mrz.document_number, self.mrz.birth, self.mrz.expiry)
        return None if self.can is None else CanKey(self.can)


class ChipSessionCreated(BaseModel):
    """An ordered reading."""

    schema_: Literal["ekyc.chip-session-new/1"] = Field(
        default="ekyc.chip-session-new/1", alias="schema", serialization_alias="schema"
    )
    outcome: Literal["PASSED"] = "PASSED"
    reasons: tuple[()] = ()
    checks: tuple[()] = ()
    id: str
    mode: RelayMode
    token: str = Field(
        description="Cho thiết bị đọc thẻ, dùng một lần, gửi trong khung đầu tiên. / "
        "For the device beside the card; works once, goes into the first frame."
    )
    result_token: str = Field(
        description="Cho bên yêu cầu, để lấy kết quả (Bearer). / For whoever ordered it, to fetch the result (Bearer)."
    )
    relay_path: str = Field(description="Đường dẫn WebSocket. / Path of the WebSocket.")
    subprotocol: str
    expires_at: datetime


class ChipSessionModel(BaseModel):
    """How far a reading is, and what came of it; ``docs/schemas/ekyc.chip-session.1.schema.json`` says it all."""

    model_config = ConfigDict(extra="allow")

    schema_: Literal["ekyc.chip-session/1"] = Field(alias="schema")
    outcome: str
    reasons: list[str]
    checks: list[CheckModel]
    id: str
    mode: RelayMode
    state: Literal["waiting", "relaying", "finished", "failed"]
    expires_at: datetime
    error: dict[str, Any] | None = None
