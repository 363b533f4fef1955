"""The child process of :mod:`ekyc.imaging.pdf_views`: several PDFs on stdin; what PDFium finds in them on stdout.

Run as ``python -m ekyc.imaging.pdf_view_child ORDER``. The answer is one line of JSON (a verdict on each document, and the
places of pictures), then the pixels of those pages that differ between two documents that were to be compared.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import math
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

_PASSWORD_ERROR = 4  # FPDF_ERR_PASSWORD of fpdfview.h
_ANNOTATION_TEXTS = (b"Contents", b"T", b"V", b"DV", b"AS", b"DA")
_LONGEST_TEXT = 1 << 20


def main() -> None:
    """Look at what stands on stdin."""
    order = json.loads(sys.argv[1])
    memory, seconds = int(order["max_memory_bytes"]), math.ceil(order["timeout_s"])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # Files may be read, not written: pages name fonts that they do not carry.
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    write_views(sys.stdin.buffer.read(), order, sys.stdout.buffer)


class _RefusedError(Exception):
    """Its text is the verdict."""


def write_views(data: bytes, order: Mapping[str, Any], out: BinaryIO) -> None:
    """Look at every document, then send the pages that differ.

    Args:
        data: the documents, one behind the other.
        order: ``sizes`` of the documents in bytes, ``pairs`` of documents to compare, and the fields of
            :class:`ekyc.imaging.pdf_views.ViewLimits`.
        out: gets the answer.
    """
    documents: list[Any] = []
    at = 0
    for size in order["sizes"]:
        documents.append(_opened(data[at : at + size], order))
        at += size
    scale = _common_scale([d for d in documents if not isinstance(d, str)], order)
    if scale is None:
        documents = ["too_many_pixels"] * len(documents)
    views = [_view(document, scale or 1.0, order) for document in documents]
    wanted = _differing(views, order["pairs"], order["max_pictures"])
    pictures = [(number, page, _pixels(documents[number], page, scale)) for number, page in wanted]
    places = [[number, page, *picture.shape[:2]] for number, page, picture in pictures]
    answer = {"scale": scale, "documents": views, "pictures": places}
    out.write(json.dumps(answer).encode("ascii") + b"\n")
    out.writelines(picture.tobytes() for _, _, picture in pictures)


def _opened(data: bytes, order: Mapping[str, Any]) -> Any:
    """A document, or the word for why there is none."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = getattr(error, "err_code", None) == _PASSWORD_ERROR
        return "encrypted" if locked else "broken"
    if len(document) == 0:
        return "empty"
    if len(document) > order["max_pages"]:
        return "too_many_pages"
    document.init_forms()  # without it PDFium paints no form field, hence no signature either
    if document.formenv is not None:
        pdfium.FPDF_SetFormFieldHighlightAlpha(document.formenv.raw, 0)
    return document


def _common_scale(documents: Sequence[Any], order: Mapping[str, Any]) -> float | None:
    """One scale for all, pixels per point, so that pages can be compared; ``None`` where pages are out of all bounds."""
    most = 0.0
    for document in documents:
        total = 0.0
        for index in range(len(document)):
            width, height = document.get_page_size(index)
            # Page boxes may be infinite, or no number.
            if not (0 < width <= order["max_side_pt"] and 0 < height <= order["max_side_pt"]):
                return None
            total += width * height
        most = max(most, total)
    scale = min(float(order["scale"]), math.sqrt(order["max_pixels"] / max(most, 1.0)))
    return scale if scale >= order["least_scale"] else None


def _view(document: Any, scale: float, order: Mapping[str, Any]) -> Any:
    """What PDFium finds in one document: its pages, its signatures, where its revisions end."""
    if isinstance(document, str):
        return {"refused": document}
    try:
        left = [int(order["max_annotations"])]
        pages = [_page(document, index, scale, left) for index in range(len(document))]
        return {"pages": pages, "signatures": _signatures(document), "ends": _ends(document)}
    except _RefusedError as refused:
        return {"refused": str(refused)}
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        return {"refused": "broken"}


def _page(document: Any, index: int, scale: float, left: list[int]) -> dict[str, Any]:
    page = document[index]
    picture = _rendered(page, scale)
    text = page.get_textpage()
    try:
        words = text.get_text_range().encode("utf-8", "surrogatepass")
    finally:
        text.close()
    found = {
        "size_px": [picture.shape[1], picture.shape[0]],
        "picture": hashlib.sha256(picture.tobytes()).hexdigest(),
        "text": hashlib.sha256(words).hexdigest(),
        "annotations": _annotations(page, picture.shape[1], picture.shape[0], left),
    }
    page.close()
    return found


def _pixels(document: Any, index: int, scale: float | None) -> Any:
    page = document[index]
    picture = _rendered(page, scale or 1.0)
    page.close()
    return picture


def _rendered(page: Any, scale: float) -> Any:
    bitmap = page.render(scale=scale, rev_byteorder=False, prefer_bgrx=False)
    picture = bitmap.to_numpy()
    if picture.ndim == 2:  # PDFium renders grey pages with one channel
        picture = picture[:, :, None].repeat(3, axis=2)
    picture = np.ascontiguousarray(picture[:, :, :3])
    bitmap.close()
    return picture


def _annotations(page: Any, width: int, height: int, left: list[int]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        left[0] -= 1
        if left[0] < 0:
            raise _RefusedError("too_many_annotations")
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        box = pdfium.FS_RECTF()
        pdfium.FPDFAnnot_GetRect(annotation, ctypes.byref(box))
        rect = [box.left, box.bottom, box.right, box.top]
        found.append(
            {
                "kind": pdfium.FPDFAnnot_GetSubtype(annotation),
                "flags": pdfium.FPDFAnnot_GetFlags(annotation),
                "rect_pt": [round(side, 3) if math.isfinite(side) else 0.0 for side in rect],
                "box_px": _box_px(page, rect, width, height),
                "content": _content_of(annotation),
            }
        )
        pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def _content_of(annotation: Any) -> str:
    """SHA-256 over what the annotation says and how it looks in its three states."""
    digest = hashlib.sha256()
    for key in _ANNOTATION_TEXTS:
        digest.update(_text(partial(pdfium.FPDFAnnot_GetStringValue, annotation, key)))
        digest.update(b"\x00\x01")
    for mode in range(3):
        digest.update(_text(partial(pdfium.FPDFAnnot_GetAP, annotation, mode)))
        digest.update(b"\x00\x02")
    return digest.hexdigest()


def _text(ask: Callable[[Any, int], int]) -> bytes:
    """A string that PDFium writes into a buffer; its whole length where it is too long to be looked at."""
    size = ask(None, 0)
    if size <= 0 or size > _LONGEST_TEXT:
        return str(size).encode("ascii")
    buffer = (pdfium.FPDF_WCHAR * (size // 2 + 1))()
    ask(buffer, size)
    return bytes(buffer)[:size]


def _box_px(page: Any, rect: list[float], width: int, height: int) -> list[int]:
    """A rectangle of the page in pixels of its picture: left, top, right, bottom, within it."""
    if not all(math.isfinite(side) for side in rect):
        return [0, 0, 0, 0]
    x, y = ctypes.c_int(), ctypes.c_int()
    xs: list[int] = []
    ys: list[int] = []
    for corner in ((rect[0], rect[1]), (rect[2], rect[3])):
        pdfium.FPDF_PageToDevice(
            page.raw, 0, 0, width, height, 0, *corner, ctypes.byref(x), ctypes.byref(y)
        )
        xs.append(min(max(x.value, 0), width))
        ys.append(min(max(y.value, 0), height))
    return [min(xs), min(ys), max(xs), max(ys)]


def _signatures(document: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for index in range(min(pdfium.FPDF_GetSignatureCount(document.raw), 1000)):
        signature = pdfium.FPDF_GetSignatureObject(document.raw, index)
        size = pdfium.FPDFSignatureObj_GetByteRange(signature, None, 0)
        numbers = (ctypes.c_int * max(size, 1))()
        pdfium.FPDFSignatureObj_GetByteRange(signature, numbers, size)
        length = pdfium.FPDFSignatureObj_GetContents(signature, None, 0)
        contents = ctypes.create_string_buffer(max(length, 1))
        pdfium.FPDFSignatureObj_GetContents(signature, contents, length)
        digest = hashlib.sha256(contents.raw[:length]).hexdigest()
        found.append({"byte_range": list(numbers)[:size], "contents": digest})
    return found


def _ends(document: Any) -> list[int]:
    count = min(pdfium.FPDF_GetTrailerEnds(document.raw, None, 0), 10_000)
    ends = (ctypes.c_uint * max(count, 1))()
    pdfium.FPDF_GetTrailerEnds(document.raw, ends, count)
    return list(ends)[:count]


def _differing(views: list[Any], pairs: list[list[int]], most: int) -> list[tuple[int, int]]:
    """Documents and pages whose pictures are needed."""
    wanted: dict[tuple[int, int], None] = {}
    for pair in pairs:
        first, second = (views[number].get("pages", []) for number in pair)
        for index, (one, other) in enumerate(zip(first, second, strict=False)):
            if one["picture"] != other["picture"] and len(wanted) + 2 <= most:
                wanted |= {(pair[0], index): None, (pair[1], index): None}
    return list(wanted)


if __name__ == "__main__":
    main()
