"""Files that are no still picture of a face: refused by name before any model sees a pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from ekyc.errors import InputError, LimitError
from ekyc.imaging import read_image


def saved(path, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    path.write_bytes(buffer.getvalue())
    return path


def test_sixty_megapixels_are_refused_unread(tmp_path):
    path = saved(tmp_path / "huge.png", Image.new("L", (10_000, 6_001)), format="PNG")
    with pytest.raises(LimitError) as caught:
        read_image(path)
    assert caught.value.code.startswith("image.")
    assert caught.value.subject == "huge.png"


def test_an_animation_is_no_picture(tmp_path):
    frames = [Image.new("P", (60, 60), color) for color in (1, 2, 3)]
    path = saved(
        tmp_path / "moving.gif", frames[0], format="GIF", save_all=True, append_images=frames[1:]
    )
    with pytest.raises(InputError):
        read_image(path)
    moving = [Image.fromarray(np.full((60, 60, 3), c, np.uint8)) for c in (0, 100, 200)]
    path = saved(
        tmp_path / "moving.png", moving[0], format="PNG", save_all=True, append_images=moving[1:]
    )
    with pytest.raises(InputError):
        read_image(path)
