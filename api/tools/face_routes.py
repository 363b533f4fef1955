"""Tools for faces: compare one with another, examine frames for presentation attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from ekyc.api.tools.answering import answer, tool
from ekyc.api.tools.parts import Part, PartKind, Parts, Question, missing
from ekyc.api.tools.schemas import FaceComparisonModel, LivenessInspectionModel
from ekyc.api.v1.front import allowed
from ekyc.chip import ElementaryFile
from ekyc.errors import InputError
from ekyc.flows.tools import PICTURE_BYTES
from ekyc.liveness import Assurance

if TYPE_CHECKING:
    from ekyc.api.tools.ports import Tools
    from ekyc.flows.tools import ToolFinding

_CHIP_PARTS: Final = {
    "sod": ElementaryFile.SOD,
    "dg1": ElementaryFile.DG1,
    "dg2": ElementaryFile.DG2,
    "dg13": ElementaryFile.DG13,
}
_MOST_FRAMES: Final = 30
_FRAMES_BYTES: Final = 4 * PICTURE_BYTES
_FRAMES: Final = Part(
    name="frames",
    kind=PartKind.PICTURE,
    vi="Ảnh của người đó, trong một lần chụp",
    en="Pictures of the person, of one capture",
    most=_MOST_FRAMES,
    required=True,
)
FACES: Final = Parts(
    (
        _FRAMES,
        Part(
            name="portrait",
            kind=PartKind.PICTURE,
            vi="Ảnh chân dung; hoặc `sod` và `dg2` của chip",
            en="Portrait; or `sod` and `dg2` of a chip",
        ),
        *(
            Part(
                name=name,
                kind=PartKind.CHIP_FILE,
                vi=f"Tệp {file.value} của chip",
                en=f"The chip's {file.value}",
            )
            for name, file in _CHIP_PARTS.items()
        ),
    ),
    _FRAMES_BYTES + PICTURE_BYTES,
)
LIVENESS: Final = Parts(
    (
        _FRAMES,
        Part(
            name="assurance",
            kind=PartKind.TEXT,
            vi="Mức bảo đảm: low, substantial, high; mặc định substantial",
            en="Level of assurance: low, substantial, high; substantial by default",
            pattern=f"^({'|'.join(Assurance)})$",
        ),
    ),
    _FRAMES_BYTES,
)
_UNREADABLE: Final = ("image.unreadable", "image.wrong_type", "image.too_many_pixels")
router = APIRouter(
    prefix="/v1/tools", tags=["Công cụ / Tools"], dependencies=[allowed("tools:use")]
)


@router.post(
    "/face-comparisons",
    operation_id="compare_faces",
    summary="So hai khuôn mặt / Compare two faces",
    response_model=FaceComparisonModel,
    **tool(FACES, *_UNREADABLE),
)
async def compare_faces(request: Request) -> Response:
    """Một-một, không tìm kiếm. Với chip, chỉ PASSED khi chữ ký của cơ quan cấp bảo đảm ảnh chân dung. Không cho biết có người thật
    trước máy ảnh hay không. Không giữ lại véc-tơ khuôn mặt.

    One to one; there is no search. With a chip it is PASSED only where the issuer vouches for the portrait. It does not tell
    whether a living person was there. No vector of a face is kept.
    """
    return await answer(request, FACES, _compare)


@router.post(
    "/liveness-inspections",
    operation_id="inspect_liveness",
    summary="Dò tấn công trình diện / Look for presentation attacks",
    response_model=LivenessInspectionModel,
    **tool(LIVENESS, *_UNREADABLE, "liveness.too_many_frames"),
)
async def inspect_liveness(request: Request) -> Response:
    """Thụ động, trên ảnh gửi lên: chặn ảnh in và phần lớn màn hình, không chặn mặt nạ hay video dựng và cài vào. Ảnh gửi lên không
    chứng minh ai đang có mặt: muốn vậy thì cần phiên kiểm tra người thật. Không cho người trước máy ảnh biết điểm số.

    Passive, of frames that were sent: it stops prints and most screens, not masks, nor generated or injected video. Frames
    that are sent prove nobody's presence: that takes a liveness session. Never tell the scores to whoever is before the
    camera.
    """

    def ask(tools: Tools, asked: Question) -> ToolFinding:
        level = Assurance(asked.texts.get("assurance", Assurance.SUBSTANTIAL))
        return tools.inspect_liveness(asked.all("frames"), level)

    return await answer(request, LIVENESS, ask)


def _compare(tools: Tools, asked: Question) -> ToolFinding:
    frames, portrait = asked.all("frames"), asked.maybe("portrait")
    chip = {file: asked.one(name) for name, file in _CHIP_PARTS.items() if asked.all(name)}
    if portrait is not None:
        if chip:
            raise InputError(
                "a portrait and a chip exclude each other", code="request.part", subject="portrait"
            )
        return tools.compare_faces(portrait, frames)
    if not chip:
        raise missing("portrait")
    asked.one("sod")
    asked.one("dg2")
    return tools.compare_with_chip(chip, frames)
