"""Turn untrusted bytes into an upright picture, within bounds, or into a typed error.

The order matters, because the bytes come from anyone:

1. size in bytes is held against the limit before anything is parsed;
2. the type is taken from the first bytes, never from a file name;
3. the header is read: pixels, sides, number of pictures, kind of pixels are judged **before** decoding;
4. only then are pixels decoded, turned upright and brought to 8-bit blue-green-red.

Whatever a decoder raises on hostile bytes becomes an :class:`~ekyc.errors.InputError` that names the input and
the cause; an error text never holds a path, nor anything of the picture.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageSequence

from ekyc.errors import EkycError, InputError, LimitError

if TYPE_CHECKING:
    from ekyc.values import BgrImage

# Pillow only warns between one and two times its own limit. Ours is lower and is checked as well; the filter
# is set for the process because a scoped one (catch_warnings) is not safe with several threads before 3.14.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class ImageType(StrEnum):
    """The picture formats that are accepted; the value is Pillow's name of the decoder."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    JPEG_2000 = "JPEG2000"
    TIFF = "TIFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """Bounds that a picture must keep before its pixels are decoded."""

    max_bytes: int = 32 * 1024 * 1024
    """Bytes of the encoded file."""
    max_pixels: int = 50_000_000
    """Width times height; 50 Mpx covers an A4 page at 600 dpi and the cameras of telephones in use."""
    max_side_px: int = 20_000
    """Longest side: strips of one pixel's height pass the product but not later stages."""


DEFAULT_LIMITS = ImageLimits()

_MAGIC: tuple[tuple[bytes, ImageType], ...] = (
    (b"\xff\xd8\xff", ImageType.JPEG),
    (b"\x89PNG\r\n\x1a\n", ImageType.PNG),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", ImageType.JPEG_2000),
    (b"\xff\x4f\xff\x51", ImageType.JPEG_2000),
    (b"II*\x00", ImageType.TIFF),
    (b"MM\x00*", ImageType.TIFF),
)

_UPRIGHT: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32 §4.6.4, tag 0x0112: what turns each stored orientation upright."""

_EXIF_ORIENTATION = 0x0112
_WITH_ALPHA = frozenset({"LA", "PA", "RGBA", "RGBa", "La"})
_PLAIN = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"})
_SIXTEEN_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


def sniff_type(data: bytes) -> ImageType | None:
    """The format that the first bytes announce, or None when it is none of ours."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageType.WEBP
    return None


def decode_image(data: bytes, *, name: str, limits: ImageLimits = DEFAULT_LIMITS) -> BgrImage:
    """Decode one still picture.

    Args:
        data: the encoded file: JPEG, PNG, WebP, JPEG 2000 (JP2 or bare codestream) or TIFF, one picture.
        name: what errors call this input; give a role or file name, not a path and nothing personal.
        limits: bounds on bytes, pixels and sides.

    Returns:
        uint8, shape (height, width, 3), blue-green-red, upright. Transparent parts lie on white; 16-bit grey
        keeps its upper 8 bits; CMYK is converted without a colour profile. The array is the caller's own.

    Raises:
        LimitError: ``image.too_many_bytes`` or ``image.too_many_pixels``.
        InputError: ``image.empty``, ``image.wrong_type``, ``image.unreadable`` (also truncated),
            ``image.multiple_frames`` or ``image.unsupported_pixels``.
    """
    with _opened(data, name, limits) as image:
        _verify_header(image, name, limits)
        image.load()
        return _to_bgr(_upright(image), name)


def decode_tiff_pages(
    data: bytes, *, name: str, limits: ImageLimits = DEFAULT_LIMITS, max_pages: int
) -> tuple[BgrImage, ...]:
    """Decode every page of a TIFF file, as scanners write them.

    Args:
        data: the encoded file; its first bytes announce TIFF.
        name: what errors call this input.
        limits: bounds on bytes, and on the pixels of all pages together.
        max_pages: bound on pages.

    Returns:
        One picture a page, each as :func:`decode_image` gives it.

    Raises:
        LimitError: as :func:`decode_image`, or ``image.too_many_pages``.
        InputError: as :func:`decode_image`.
    """
    pages: list[BgrImage] = []
    pixels = 0
    with _opened(data, name, limits) as image:
        for count, frame in enumerate(ImageSequence.Iterator(image), start=1):
            pixels += frame.width * frame.height
            _verify_page(
                frame,
                count=count,
                pixels=pixels,
                name=name,
                limits=limits,
                max_pages=max_pages,
            )
            frame.load()
            pages.append(_to_bgr(_upright(frame), name))
    return tuple(pages)


def read_image(path: Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> BgrImage:
    """Read and decode a picture file; errors name the file without its folder.

    Raises:
        InputError: ``image.missing``, or as :func:`decode_image`.
        LimitError: as :func:`decode_image`; the size is judged before the file is read.
    """
    return decode_image(read_image_bytes(path, limits=limits), name=path.name, limits=limits)


def read_image_bytes(path: Path, *, limits: ImageLimits = DEFAULT_LIMITS) -> bytes:
    """The bytes of a picture file, at most one more than the limit allows.

    Raises:
        InputError: ``image.missing``: no regular file, or it cannot be opened.
    """
    try:
        if not path.is_file():
            raise InputError("no such file", code="image.missing", subject=path.name)
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except OSError as exc:
        raise InputError(
            "the file cannot be opened", code="image.missing", subject=path.name
        ) from exc


@contextmanager
def _opened(data: bytes, name: str, limits: ImageLimits) -> Iterator[Image.Image]:
    """The picture, not decoded yet; whatever its decoder raises inside comes out as an error of ours."""
    kind = _verify_envelope(data, name, limits)
    try:
        with Image.open(io.BytesIO(data), formats=(kind.value,)) as image:
            yield image
    except EkycError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as exc:
        raise _too_many_pixels(name, limits) from exc
    except Exception as exc:  # decoders raise anything at all on hostile bytes
        raise _unreadable(kind, name) from exc


def _verify_envelope(data: bytes, name: str, limits: ImageLimits) -> ImageType:
    """Steps 1 and 2: size in bytes, type by the first bytes, end marker of a JPEG."""
    if not data:
        raise InputError("the file is empty", code="image.empty", subject=name)
    if len(data) > limits.max_bytes:
        raise LimitError(
            f"more than {limits.max_bytes} bytes", code="image.too_many_bytes", subject=name
        )
    kind = sniff_type(data)
    if kind is None:
        raise InputError(
            "not a JPEG, PNG, WebP, JPEG 2000 or TIFF picture",
            code="image.wrong_type",
            subject=name,
        )
    if not _has_end(data, kind):
        raise InputError(
            f"the {kind.value} data are cut off", code="image.unreadable", subject=name
        )
    return kind


def _has_end(data: bytes, kind: ImageType) -> bool:
    """Whether the closing marker is there: decoders fill a missing tail with grey without a word."""
    if kind is ImageType.JPEG:
        scan = _first_scan(data)
        return scan is not None and data.find(b"\xff\xd9", scan) != -1
    if kind is ImageType.PNG:
        return b"IEND\xae\x42\x60\x82" in data
    if (
        kind is ImageType.JPEG_2000
    ):  # OpenJPEG calls a codestream cut between two tile-parts complete
        return b"\xff\xd9" in data
    return True


def _first_scan(data: bytes) -> int | None:
    """Offset of the first start-of-scan marker (ITU-T T.81 §B.1.1), or None.

    A search for the bytes would find the marker of a thumbnail inside the EXIF segment.
    """
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker == 0xDA:
            return at
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _verify_header(image: Image.Image, name: str, limits: ImageLimits) -> None:
    """Step 3: sides, pixels, kind of pixels and number of pictures, from the header alone."""
    _verify_pixels(image, name, limits)
    # A JPEG of a telephone may carry depth or gain maps after the photograph (MPO): the photograph counts.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise InputError(
            "several pictures in one file; one still picture is expected",
            code="image.multiple_frames",
            subject=name,
        )


def _verify_page(
    page: Image.Image, *, count: int, pixels: int, name: str, limits: ImageLimits, max_pages: int
) -> None:
    """The header of one page of several: ``count`` and ``pixels`` are those so far, this page included."""
    if count > max_pages:
        raise LimitError(f"more than {max_pages} pages", code="image.too_many_pages", subject=name)
    _verify_pixels(page, name, limits)
    if pixels > limits.max_pixels:
        raise _too_many_pixels(name, limits)


def _verify_pixels(image: Image.Image, name: str, limits: ImageLimits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise _too_many_pixels(name, limits)
    if image.mode not in _WITH_ALPHA | _PLAIN | _SIXTEEN_BIT:
        raise _unsupported_pixels(name)


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data say nothing and are no reason to refuse the picture."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - EXIF is a TIFF parser of its own and as fragile on hostile bytes
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _to_bgr(image: Image.Image, name: str) -> BgrImage:
    """Step 4: any accepted kind of pixels to 8-bit blue-green-red."""
    if image.mode in _SIXTEEN_BIT:
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = _on_white(image)
    rgb = np.asarray(image if image.mode == "RGB" else image.convert("RGB"))
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise _unsupported_pixels(name)
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _on_white(image: Image.Image) -> Image.Image:
    picture = image if image.mode == "RGBA" else image.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _unreadable(kind: ImageType, name: str) -> InputError:
    return InputError(
        f"the {kind.value} data are damaged or cut off and cannot be decoded",
        code="image.unreadable",
        subject=name,
    )


def _too_many_pixels(name: str, limits: ImageLimits) -> LimitError:
    return LimitError(
        f"more than {limits.max_pixels} pixels, or a side longer than {limits.max_side_px}",
        code="image.too_many_pixels",
        subject=name,
    )


def _unsupported_pixels(name: str) -> InputError:
    return InputError(
        "this kind of pixels (for example floating point or Lab) is not a photograph we accept",
        code="image.unsupported_pixels",
        subject=name,
    )
