"""Videos in a process that may fail without taking us along: real containers, and files that are none."""

import io
import json
import os
import struct
import subprocess
import sys
import wave

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekyc.errors import InputError, LimitError
from ekyc.imaging import encode_jpeg
from ekyc.imaging.limited_child import ChildFailed, ChildFault, ChildLimits, run_child
from ekyc.imaging.video import VideoLimits, _assembled, decode_video, read_answer, read_video
from ekyc.imaging.video_container import VideoType, is_whole, sniff_video
from ekyc.imaging.video_sampling import EvenSampler
from ekyc.outcomes import reason_registry

KINDS = {"mp4": "mp4v", "webm": "VP80", "avi": "MJPG"}
LEFT, RIGHT = (20, 20, 230), (230, 20, 20)
"""Red and blue, blue-green-red."""


def picture(number, width=64, height=48):
    """Red on its left, blue on its right, and lighter from frame to frame at the bottom."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, : width // 2] = LEFT
    image[:, width // 2 :] = RIGHT
    image[-height // 4 :] = 5 * number % 256
    return image


@pytest.fixture(scope="session")
def make(tmp_path_factory):
    """Bytes of a video of so many frames."""

    def build(kind="mp4", frames=20, rate=10.0, width=64, height=48):
        path = tmp_path_factory.mktemp("video") / f"one.{kind}"
        code = cv2.VideoWriter_fourcc(*KINDS[kind])
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, rate, (width, height))
        for number in range(frames):
            writer.write(picture(number, width, height))
        writer.release()
        return path.read_bytes()

    return build


def refused(data, **limits):
    with pytest.raises(InputError) as caught:
        decode_video(data, name="clip", limits=VideoLimits(**limits))
    assert caught.value.subject == "clip"
    assert caught.value.code in reason_registry()
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_frames_come_in_order_upright_and_evenly_spread(make, kind):
    video = decode_video(make(kind), name="clip", frames=5)
    assert video.container == kind
    indices = [frame.index for frame in video.frames]
    assert np.abs(np.subtract(indices, [1.9, 5.7, 9.5, 13.3, 17.1])).max() <= 2
    assert [frame.time_s for frame in video.frames] == pytest.approx([i / 10 for i in indices])
    assert video.times_reliable
    assert video.duration_s == pytest.approx(1.9)
    assert video.traces.thumbnails.shape == (20, 16, 16)
    for frame in video.frames:
        assert frame.image.shape == (48, 64, 3)
        assert np.abs(frame.image[10, 10].astype(int) - LEFT).max() < 30
        assert np.abs(frame.image[10, 54].astype(int) - RIGHT).max() < 30


def test_pictures_one_after_the_other():
    data = b"".join(encode_jpeg(picture(i)) for i in range(6))
    video = decode_video(data, name="clip", frames=12)
    assert video.container is VideoType.MJPEG
    assert [frame.index for frame in video.frames] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("degrees", "matrix", "red_at"),
    [
        (90, (0, 1, -1, 0), (5, 20)),
        (180, (-1, 0, 0, -1), (20, 54)),
        (270, (0, -1, 1, 0), (58, 20)),
    ],
)
def test_the_turn_that_the_container_asks_for_is_made(make, degrees, matrix, red_at):
    """ISO/IEC 14496-12 §8.3.2: the track header's matrix, as telephones write it."""
    data = bytearray(make())
    at = data.find(b"tkhd") + 4 + 4 + 20 + 16
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    video = decode_video(bytes(data), name="clip", frames=1)
    assert video.rotation_deg == degrees
    image = video.frames[0].image
    assert image.shape == ((64, 48, 3) if degrees != 180 else (48, 64, 3))
    assert np.abs(image[red_at].astype(int) - LEFT).max() < 30


def test_repeated_frames_have_equal_digests(tmp_path):
    data = b"".join(encode_jpeg(picture(i)) for i in (0, 1, 1, 2))
    digests = decode_video(data, name="clip").traces.digests.tolist()
    assert digests[1] == digests[2]
    assert len(set(digests)) == 3


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_bytes": 100}, "video.too_large"),
        ({"max_duration_s": 1.0}, "video.too_long"),
        ({"max_frames": 10}, "video.too_long"),
        ({"max_pixels": 1000}, "video.too_many_pixels"),
        ({"max_side_px": 60}, "video.too_many_pixels"),
        ({"timeout_s": 0.01}, "video.too_slow"),
    ],
)
def test_bounds_are_kept(make, limits, code):
    error = refused(make(), **limits)
    assert isinstance(error, LimitError)
    assert error.code == code


def test_ten_minutes_are_refused_from_the_header_and_when_the_header_is_silent(make):
    long = make(frames=1210, rate=2.0, width=32, height=32)
    assert refused(long).code == "video.too_long"
    pictures = encode_jpeg(picture(0, 16, 16)) * 4000
    assert refused(pictures).code == "video.too_long"


def test_too_little_memory_is_an_error_and_not_a_crash_of_ours(make):
    assert refused(make(), max_memory_bytes=32 * 1024 * 1024).code == "video.unreadable"


def sound():
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "video.empty"),
        (b"not a video at all", "video.wrong_type"),
        (sound(), "video.wrong_type"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://203.0.113.1/a.ts\n", "video.wrong_type"),
        (b"\x00\x00\x00\x10ftypisom" + bytes(4), "video.cut_off"),
        (b"\x00\x00\x00\x10ftypM4A \x00\x00\x00\x00\x00\x00\x00\x08moov", "video.no_picture"),
        (
            b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x18moovhdlr\0\0\0\0\0\0\0\0vide",
            "video.unreadable",
        ),
        (b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9", "video.unreadable"),
        (b"\x1aE\xdf\xa3\x80\x18S\x80g\xff\x86\x85V_VP8", "video.unreadable"),
        (b"\x1aE\xdf\xa3\x80\x18S\x80g\xff\x86\x86A_OPUS V_", "video.no_picture"),
    ],
)
def test_what_is_no_video_has_a_reason(data, code):
    assert refused(data).code == code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_cut_off_files_are_refused(make, kind, share):
    data = make(kind)
    assert refused(data[: int(share * len(data))]).code == "video.cut_off"


@pytest.mark.parametrize("kind", KINDS)
def test_the_decoder_is_not_shown_a_file_under_another_first_byte(make, kind):
    assert refused(b"\0" + make(kind)).code in {"video.wrong_type", "video.cut_off"}


def test_damaged_pixels_end_in_a_video_or_in_a_reason(make):
    """The decoder may mend what it can; it must not take us along."""
    rng = np.random.default_rng(0)
    for kind in KINDS:
        data = bytearray(make(kind))
        for at in rng.integers(len(data) // 8, len(data), 40):
            data[at] ^= int(rng.integers(1, 256))
        try:
            video = decode_video(bytes(data), name="clip")
        except InputError as error:
            assert error.code in reason_registry()
        else:
            assert len(video.frames) <= 12


def test_a_missing_file_is_named_without_its_folder(tmp_path):
    with pytest.raises(InputError) as caught:
        read_video(tmp_path / "clip.mp4")
    assert (caught.value.code, caught.value.subject) == ("video.missing", "clip.mp4")


def answer(times, rate=10.0):
    """What the child says of a video of one-pixel frames, the second of which is chosen."""
    head = {
        "rotation_deg": 0,
        "codec": "test",
        "rate": rate,
        "times_s": times,
        "digests": [1] * len(times),
        "chosen": [{"index": 1, "height": 1, "width": 1}],
    }
    return head, bytes(256 * len(times) + 3)


@pytest.mark.parametrize(
    "times",
    [
        (0.0, None, 0.2),
        (0.0, float("nan"), 0.2),
        (0.0, 0.0, 0.1),
        (0.2, 0.1, 0.3),
        (0.0, float("inf"), 1.0),
    ],
)
def test_broken_times_are_said_and_replaced_by_the_nominal_rate(times):
    video = _assembled(VideoType.MP4, *answer(list(times)))
    assert not video.times_reliable
    assert np.isnan(video.duration_s)
    assert video.frames[0].time_s == pytest.approx(0.1)


def test_a_child_that_contradicts_itself_is_not_believed():
    head, rest = answer([0.0, 0.1])
    assert _assembled(VideoType.MP4, head, rest).times_reliable
    with pytest.raises(ValueError, match="buffer"):
        _assembled(VideoType.MP4, {**head, "chosen": [{"index": 1, "height": 9, "width": 9}]}, rest)
    with pytest.raises(IndexError):
        _assembled(VideoType.MP4, {**head, "chosen": [{"index": 7, "height": 1, "width": 1}]}, rest)


CHILD = """
import sys
from ekyc.imaging.limited_child import limit_self
limit_self(memory_bytes=1 << 30, cpu_s=1)
{body}
"""


def run_in_limits(body):
    return subprocess.run(
        [sys.executable, "-c", CHILD.format(body=body)], capture_output=True, check=False
    )


@pytest.mark.parametrize(
    "body",
    [
        "import socket; socket.socket()",
        "open('/etc/hostname')",
        "import os; os.close(0); open('/etc/hostname')",
        "bytearray(1 << 31)",
        "import subprocess; subprocess.run(['true'])",
    ],
)
def test_a_limited_child_cannot(body):
    assert run_in_limits("print('alive')").stdout == b"alive\n"
    assert run_in_limits(body).returncode != 0


def test_a_limited_child_is_stopped_when_its_time_is_used_up():
    assert run_in_limits("while True: pass").returncode == -24


@pytest.mark.parametrize(
    ("module", "fault"),
    [
        ("antigravity_that_is_not_there", ChildFault.CRASHED),
        ("this", ChildFault.TOO_MUCH_OUTPUT),
        ("json.tool", ChildFault.CRASHED),
    ],
)
def test_whatever_a_child_does_is_one_error(module, fault):
    limits = ChildLimits(timeout_s=20, max_output_bytes=10)
    with pytest.raises(ChildFailed) as caught:
        run_child(module, {}, bytes(1 << 20), limits)
    assert caught.value.fault is fault


def test_a_child_that_leaves_another_behind_ends_in_time(tmp_path, monkeypatch):
    body = "os.fork() or (time.sleep(6), os.write(1, bytes(99)))"
    (tmp_path / "leaves_another.py").write_text(f"import os, time\n{body}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with pytest.raises(ChildFailed) as caught:
        run_child("leaves_another", {}, b"", ChildLimits(timeout_s=2, max_output_bytes=10))
    assert caught.value.fault is ChildFault.TOO_SLOW  # and not what the other one writes later


@pytest.mark.parametrize(
    "change",
    [
        {"digests": [-1]},
        {"digests": [1, 1]},
        {"rotation_deg": float("inf")},
        {"rate": float("-inf")},
        {"rate": 0},
        {"chosen": [{"index": 0, "height": 0, "width": 0}]},
        {"chosen": [{"index": 0, "height": 10**30, "width": 1}]},
        {"chosen": [{"index": -1, "height": 1, "width": 1}]},
        {"chosen": [{"index": 0, "height": 1, "width": 1}] * 2},
        {"times_s": [[0.0]]},
        {"times_s": [10**400]},
        {"codec": None, "times_s": None},
        {"refused": {}},
    ],
)
def test_an_answer_of_a_child_that_was_taken_over_is_a_video_or_a_refusal(change):
    head, rest = answer([0.0])
    head["chosen"] = [{"index": 0, "height": 1, "width": 1}]
    for said in (head, {**head, **change}):
        data = json.dumps(said).encode() + b"\n" + rest
        try:
            video = read_answer(VideoType.MP4, data, "clip", frames=1)
        except InputError as error:
            assert said is not head
            assert error.code == "video.unreadable"
        else:
            assert len(video.frames) == 1
            assert video.frames[0].image.shape == (1, 1, 3)
            assert np.isfinite(video.frames[0].time_s)
            assert len(video.traces.digests) == len(video.traces.times_s) == 1


@pytest.mark.parametrize("data", [b"", b"\n", b"[" * 100_000, b"7\n", b"{}\n", b"\xff\n"])
def test_no_answer_at_all_is_a_refusal(data):
    with pytest.raises(InputError) as caught:
        read_answer(VideoType.MP4, data, "clip", frames=1)
    assert caught.value.code == "video.unreadable"


@given(
    st.lists(st.floats(0, 5, allow_subnormal=False), min_size=1, max_size=200),
    st.integers(1, 12),
)
@settings(deadline=None)
def test_sampling_is_bounded_in_order_and_keeps_what_is_few(steps, count):
    sampler = EvenSampler(count)
    times = np.cumsum(steps).tolist()
    for index, time_s in enumerate(times):
        sampler.offer(time_s, index, index)
        assert len(sampler._kept) <= 3 * count
    chosen = [index for index, _ in sampler.chosen()]
    assert 1 <= len(chosen) <= count
    assert chosen == sorted(set(chosen))
    if len(times) <= count:
        assert len(chosen) == len(times)


def test_a_burst_counts_as_little_as_its_time():
    """Nine seconds at one frame a second, then a second at a hundred: a variable rate."""
    times = [*range(9), *(9 + i / 100 for i in range(100))]
    sampler = EvenSampler(10)
    for index, time_s in enumerate(times):
        sampler.offer(float(time_s), index, None)
    in_burst = [index for index, _ in sampler.chosen() if index >= 9]
    assert len(in_burst) <= 2


@given(st.binary(max_size=200))
def test_no_bytes_make_the_container_check_raise(tail):
    for start in (b"\0\0\0\x10ftyp", b"\x1aE\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"\xff\xd8\xff"):
        kind = sniff_video(start + tail)
        assert kind is not None
        is_whole(start + tail, kind)
