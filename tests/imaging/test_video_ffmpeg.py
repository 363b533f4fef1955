"""Videos of FFmpeg's own making, and its own word on their times: the independent judge of our decoder.

Needs ``ffmpeg`` on the path, or the path of one in ``EKYC_FFMPEG``.
"""

import os
import re
import shutil
import subprocess

import pytest

from ekyc.errors import InputError
from ekyc.imaging.video import decode_video

pytestmark = pytest.mark.system
SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=15:d=3")
FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov")
UNEVEN = ("-vf", "select='not(mod(n,3))+gt(n,30)'", "-fps_mode", "vfr")


@pytest.fixture(scope="module")
def ffmpeg(tmp_path_factory):
    program = os.environ.get("EKYC_FFMPEG") or shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")

    def make(name, *arguments):
        path = tmp_path_factory.mktemp("ffmpeg") / name
        command = [program, "-loglevel", "error", "-y", *arguments, str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def times(path):
        command = [program, "-i", str(path), "-vf", "showinfo", "-f", "null", "-"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        return [float(time) for time in re.findall(r"pts_time:([0-9.]+)", said)]

    return make, times


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("h264.mp4", FAST),
        ("with_b_frames.mp4", ("-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p")),
        ("fragments.mp4", (*FAST, *FRAGMENTS)),
        ("variable_rate.mp4", (*UNEVEN, *FAST)),
        ("hevc.mp4", ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1")),
        ("browser.webm", (*VP8, "-live", "1")),
        ("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")),
        ("one.mkv", FAST),
        ("one.mov", FAST),
        ("motion.avi", ("-c:v", "mjpeg")),
    ],
)
def test_times_are_those_that_ffmpeg_names(ffmpeg, name, arguments):
    make, times = ffmpeg
    path = make(name, *SOURCE, *arguments)
    video = decode_video(path.read_bytes(), name=name, frames=6)
    assert video.times_reliable
    found = video.traces.times_s - video.traces.times_s[0]
    theirs = times(path)
    assert found == pytest.approx([time - theirs[0] for time in theirs], abs=0.002)
    assert len(set(video.traces.digests.tolist())) == len(theirs)
    gaps = [b.time_s - a.time_s for a, b in zip(video.frames, video.frames[1:], strict=False)]
    assert max(gaps) < 1.0


@pytest.mark.parametrize(("turn", "shape"), [(90, (320, 240, 3)), (180, (240, 320, 3))])
def test_turned_telephones(ffmpeg, turn, shape):
    make, _ = ffmpeg
    upright = make("upright.mp4", *SOURCE, *FAST)
    turned = make("turned.mp4", "-display_rotation", str(turn), "-i", str(upright), "-c", "copy")
    video = decode_video(turned.read_bytes(), name="turned", frames=1)
    assert video.frames[0].image.shape == shape
    assert video.rotation_deg in {turn, 360 - turn}


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("sound.mp4", ("-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac"), "video.no_picture"),
        ("sound.webm", ("-f", "lavfi", "-i", "sine=d=2", "-c:a", "libopus"), "video.no_picture"),
        ("long.mp4", ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=600", *FAST), "video.too_long"),
        (
            "long_without_header.webm",
            ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=5:d=600", *VP8, "-live", "1"),
            "video.too_long",
        ),
        (
            "huge.mp4",
            ("-f", "lavfi", "-i", "color=s=8192x8192:d=1", *FAST),
            "video.too_many_pixels",
        ),
    ],
)
def test_what_is_refused_says_why(ffmpeg, name, arguments, code):
    make, _ = ffmpeg
    with pytest.raises(InputError) as caught:
        decode_video(make(name, *arguments).read_bytes(), name=name)
    assert caught.value.code == code
