"""Pictures: decoding within limits, geometry, alignment, quality. The only room that knows cv2 and PIL.

OpenCV is told to use one thread: a server runs as many workers as it has cores, and the pictures here are
small, so threads inside a call would only fight each other.
"""

import cv2

from ekyc.imaging.decode import (
    DEFAULT_LIMITS,
    ImageLimits,
    ImageType,
    decode_image,
    read_image,
    read_image_bytes,
    sniff_type,
)
from ekyc.imaging.encode import encode_jpeg, encode_jpeg2000, encode_png
from ekyc.imaging.geometry import (
    Letterbox,
    clamp_box,
    crop,
    flip_horizontally,
    letterbox,
    pad_to_multiple,
    resize,
    resize_long_side,
    to_bgr_planes,
    to_gray,
    to_rgb_planes,
    warp_quad,
)
from ekyc.imaging.quality import CaptureQuality, measure_quality

cv2.setNumThreads(1)

__all__ = [
    "DEFAULT_LIMITS",
    "CaptureQuality",
    "ImageLimits",
    "ImageType",
    "Letterbox",
    "clamp_box",
    "crop",
    "decode_image",
    "encode_jpeg",
    "encode_jpeg2000",
    "encode_png",
    "flip_horizontally",
    "letterbox",
    "measure_quality",
    "pad_to_multiple",
    "read_image",
    "read_image_bytes",
    "resize",
    "resize_long_side",
    "sniff_type",
    "to_bgr_planes",
    "to_gray",
    "to_rgb_planes",
    "warp_quad",
]
