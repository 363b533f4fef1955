"""Archives made to crash or stall the one who unpacks them."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from ekyc.api.archives import unpack
from ekyc.api.limits import DEFAULT_LIMITS
from ekyc.errors import EkycError, InputError, LimitError


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"content of {name}" * 20)
    return out.getvalue()


@pytest.fixture
def unpacked(tmp_path_factory):
    """``unpacked(bytes)``: the names that come out."""

    def run(data: bytes) -> set[str]:
        work = tmp_path_factory.mktemp("archive")
        (work / "case.zip").write_bytes(data)
        (work / "case").mkdir()
        unpack(work / "case.zip", work / "case", DEFAULT_LIMITS)
        return {
            path.relative_to(work / "case").as_posix()
            for path in (work / "case").rglob("*")
            if path.is_file()
        }

    return run


def code_of(unpacked, data):
    with pytest.raises(InputError) as caught:
        unpacked(data)
    return caught.value.code


def test_an_honest_archive_comes_out(unpacked):
    assert unpacked(zipped("case.toml", "chip/EF.SOD")) == {"case.toml", "chip/EF.SOD"}


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("wrap/case.toml", "wrap")])
def test_a_file_where_another_wants_a_folder(unpacked, names):
    assert code_of(unpacked, zipped("case.toml", *names)) == "request.archive"


def test_a_name_longer_than_the_file_system_allows(unpacked):
    assert code_of(unpacked, zipped("case.toml", "ế" * 100)) == "request.archive"


@pytest.mark.parametrize("value", [0x00, 0x80, 0xFF])
def test_no_damage_of_one_byte_escapes_as_another_error(unpacked, value):
    honest = zipped("case.toml", "chip/EF.SOD")
    for at in range(len(honest)):
        try:
            unpacked(honest[:at] + bytes([value]) + honest[at + 1 :])
        except EkycError as error:
            assert error.code.startswith("request.")


def test_a_second_directory_behind_the_small_one_is_not_read(unpacked):
    """zipfile follows a zip64 locator although the plain end record claims one small entry."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *(20, 0) * 2, *(0,) * 7, 1, *(0,) * 6) + b"a"
    count = 20_000
    directory = entry * count
    zip64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), 0, 0)
    assert code_of(unpacked, directory + zip64 + locator + end) == "request.archive"


def test_a_directory_of_many_entries_is_refused_before_it_is_read(unpacked):
    with pytest.raises(LimitError) as caught:
        unpacked(zipped("case.toml", *(f"f{i}" for i in range(DEFAULT_LIMITS.parts + 1))))
    assert caught.value.code == "request.too_many_parts"
