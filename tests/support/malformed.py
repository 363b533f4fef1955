"""Ways to spoil a good case folder, each with what must come of it.

Every function takes the folder of an honest case and spoils one thing in it. ``MALFORMED`` names them: an entry with
``error`` must raise that typed error and nothing else; one with ``check`` must end in a result in which that check
has one of ``outcomes``, and in no accepted decision. What spoils the chip alone shows in a case without pictures too,
which is quicker to verify.
"""

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ekyc.outcomes import Outcome

NOT_PASSED = frozenset({Outcome.FAILED, Outcome.INDETERMINATE, Outcome.NOT_PERFORMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformation:
    spoil: Callable[[Path], None]
    error: str = ""
    """Code of the typed error; empty where a result must come out."""
    subject: str = ""
    """What the error must name."""
    check: str = ""
    outcomes: frozenset[Outcome] = NOT_PASSED


# --- the manifest -----------------------------------------------------------------------------------------------


def no_manifest(case):
    (case / "case.toml").unlink()


def manifest_is_no_toml(case):
    (case / "case.toml").write_bytes(b"\xff\xfe = [[[")


def manifest_is_huge(case):
    with (case / "case.toml").open("ab") as file:
        file.write(b"#" * (1 << 20))


def manifest_with_unknown_key(case):
    _edit_manifest(case, "[card]\n", '[card]\nside = "front"\n')


def manifest_of_another_schema(case):
    _edit_manifest(case, "ekyc.case/1", "ekyc.case/2")


def manifest_nested_deeply(case):
    (case / "case.toml").write_text("profile = " + "[" * 20_000, encoding="utf-8")


def path_leads_outside(case):
    _edit_manifest(case, "card/front.jpg", "../front.jpg")


def absolute_path(case):
    _edit_manifest(case, "card/front.jpg", "/etc/hostname")


def link_leads_outside(case):
    outside = case.parent / "outside.jpg"
    outside.write_bytes((case / "card/front.jpg").read_bytes())
    (case / "card/front.jpg").unlink()
    (case / "card/front.jpg").symlink_to(outside)


def too_many_frames(case):
    many = ", ".join(['"face/frame-1.jpg"'] * 61)
    _edit_manifest(case, "frames = [", f"frames = [{many}, ")


# --- files ------------------------------------------------------------------------------------------------------


def front_is_missing(case):
    (case / "card/front.jpg").unlink()


def front_is_a_folder(case):
    (case / "card/front.jpg").unlink()
    (case / "card/front.jpg").mkdir()


def copy_is_oversized(case):
    os.truncate(case / "documents/copy-1.jpg", 40 << 20)  # a hole: takes no room on the disk


def front_is_empty(case):
    (case / "card/front.jpg").write_bytes(b"")


def front_is_cut_off(case):
    data = (case / "card/front.jpg").read_bytes()
    (case / "card/front.jpg").write_bytes(data[: len(data) // 2])


def front_is_text(case):
    (case / "card/front.jpg").write_text("số 048185012345", encoding="utf-8")


def front_is_a_zip_bomb(case):
    packed = zlib.compress(b"\0" * (16 << 20), 9)
    (case / "card/front.jpg").write_bytes(b"PK\x03\x04\x14\0\0\0\x08\0" + packed)


def frame_is_noise(case):
    (case / "face/frame-1.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40)


def frame_is_a_pixel_bomb(case):
    (case / "face/frame-1.jpg").write_bytes(png(20_000, 20_000))


def copy_is_an_endless_strip(case):
    (case / "documents/copy-1.jpg").write_bytes(png(1_000_000, 1))


def copy_claims_more_than_it_holds(case):
    (case / "documents/copy-1.jpg").write_bytes(png(3_000, 3_000, rows=4))


def copy_has_a_page_too_many(case):
    (case / "documents/copy-1.jpg").write_bytes(_two_page_tiff())


def frame_is_of_two_pages(case):
    (case / "face/frame-1.jpg").write_bytes(_two_page_tiff())


def copy_is_a_broken_pdf(case):
    (case / "documents/copy-1.jpg").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")


# --- pictures that decode but say nothing -----------------------------------------------------------------------


def front_is_blank(case):
    (case / "card/front.jpg").write_bytes(png(1200, 757))


def frames_show_nobody(case):
    for frame in (case / "face").iterdir():
        frame.write_bytes(png(720, 960))


def copy_is_blank(case):
    (case / "documents/copy-1.jpg").write_bytes(png(1240, 1754))


def copy_is_one_pixel(case):
    (case / "documents/copy-1.jpg").write_bytes(png(1, 1))


# --- the chip ---------------------------------------------------------------------------------------------------


def chip_without_sod(case):
    (case / "chip/EF.SOD.bin").unlink()


def chip_folder_is_empty(case):
    for file in (case / "chip").glob("EF.*"):
        file.unlink()


def sod_is_cut_off(case):
    _cut(case / "chip/EF.SOD.bin")


def sod_is_a_tlv_bomb(case):
    (case / "chip/EF.SOD.bin").write_bytes(tlv_bomb(0x77, most_bytes=32_000))


def sod_claims_four_gigabytes(case):
    (case / "chip/EF.SOD.bin").write_bytes(b"\x77\x84\xff\xff\xff\xff\x30\x03")


def dg13_is_a_tlv_bomb(case):
    (case / "chip/EF.DG13.bin").write_bytes(tlv_bomb(0x6D, most_bytes=120_000))


def dg1_is_of_another_type(case):
    (case / "chip/EF.DG1.bin").write_bytes((case / "chip/EF.COM.bin").read_bytes())


def dg2_holds_no_picture(case):
    path = case / "chip/EF.DG2.bin"
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(len(data) - 100))


def dg2_is_oversized(case):
    length = 20 << 20
    path = case / "chip/EF.DG2.bin"
    path.write_bytes(b"\x75\x84" + length.to_bytes(4, "big"))
    os.truncate(path, length + 6)


def dg15_is_no_key(case):
    (case / "chip/EF.DG15.bin").write_bytes(b"\x6f\x03\x30\x01\x00")


def signature_is_empty(case):
    (case / "chip/aa-signature.bin").write_bytes(b"")


def signature_is_enormous(case):
    (case / "chip/aa-signature.bin").write_bytes(bytes(1 << 20))


MALFORMED: dict[str, Malformation] = {
    function.__name__: Malformation(spoil=function, error=error, subject=subject)
    for function, error, subject in (
        (no_manifest, "case.missing", ""),
        (manifest_is_no_toml, "case.invalid", "case.toml"),
        (manifest_is_huge, "case.too_large", "case.toml"),
        (manifest_with_unknown_key, "case.invalid", "case.toml: card.side"),
        (manifest_of_another_schema, "case.invalid", "case.toml: schema"),
        (manifest_nested_deeply, "case.invalid", "case.toml"),
        (path_leads_outside, "case.invalid", "case.toml: card.front"),
        (absolute_path, "case.invalid", "case.toml: card.front"),
        (link_leads_outside, "case.path", "card/front.jpg"),
        (too_many_frames, "case.invalid", "case.toml: face.frames"),
        (front_is_missing, "case.file_missing", "card/front.jpg"),
        (front_is_a_folder, "case.file_missing", "card/front.jpg"),
        (copy_is_oversized, "case.too_large", "documents/copy-1.jpg"),
        (front_is_empty, "image.empty", "card/front.jpg"),
        (front_is_cut_off, "image.unreadable", "card/front.jpg"),
        (front_is_text, "image.wrong_type", "card/front.jpg"),
        (front_is_a_zip_bomb, "image.wrong_type", "card/front.jpg"),
        (frame_is_noise, "image.unreadable", "face/frame-1.jpg"),
        (frame_is_a_pixel_bomb, "image.too_many_pixels", "face/frame-1.jpg"),
        (copy_is_an_endless_strip, "image.too_many_pixels", "documents/copy-1.jpg"),
        (frame_is_of_two_pages, "image.multiple_frames", "face/frame-1.jpg"),
        (copy_is_a_broken_pdf, "pdf.broken", "documents/copy-1.jpg"),
        (chip_folder_is_empty, "chip.folder_empty", "chip"),
        (dg2_is_oversized, "chip.file_too_large", "EF.DG2.bin"),
    )
} | {
    function.__name__: Malformation(spoil=function, check=check)
    for function, check in (
        (front_is_blank, "card.read"),
        (frames_show_nobody, "face.match"),
        (copy_is_blank, "document.copy_matches"),
        (copy_is_one_pixel, "document.copy_matches"),
        (copy_has_a_page_too_many, "document.copy_matches"),
        (copy_claims_more_than_it_holds, "document.copy_matches"),
        (chip_without_sod, "chip.signature"),
        (sod_is_cut_off, "chip.signature"),
        (sod_is_a_tlv_bomb, "chip.signature"),
        (sod_claims_four_gigabytes, "chip.signature"),
        (dg13_is_a_tlv_bomb, "chip.hashes"),
        (dg1_is_of_another_type, "chip.hashes"),
        (dg2_holds_no_picture, "chip.hashes"),
        (dg15_is_no_key, "chip.active_authentication"),
        (signature_is_empty, "chip.active_authentication"),
        (signature_is_enormous, "chip.active_authentication"),
    )
}


# --- material ---------------------------------------------------------------------------------------------------


def png(width, height, *, rows=None):
    """A white one-bit PNG of any claimed size; ``rows`` fewer than ``height`` make the data end early."""
    line = b"\0" + b"\xff" * -(-width // 8)
    pack = zlib.compressobj(9)
    body = b"".join(pack.compress(line) for _ in range(height if rows is None else rows))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", body + pack.flush())
        + _chunk(b"IEND", b"")
    )


def tlv_bomb(tag, *, most_bytes):
    """An object of ``tag`` around sequences nested thousands deep, each with a correct length."""
    body = b""
    while len(body) < most_bytes - 16:
        body = b"\x30" + der_length(len(body)) + body
    return bytes([tag]) + der_length(len(body)) + body


def der_length(length):
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _two_page_tiff():
    """Two uncompressed 8 x 8 grey pages."""
    pages = b""
    start = 8
    for following in (True, False):
        pixels = bytes(64)
        place = start + len(pages)
        entries = [(256, 8), (257, 8), (258, 8), (259, 1), (262, 1), (273, place), (277, 1)]
        entries += [(278, 8), (279, 64)]
        after = place + 64 + 2 + 12 * len(entries) + 4
        directory = struct.pack("<H", len(entries))
        directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
        # The next page's directory stands behind its own 64 bytes of pixels.
        directory += struct.pack("<I", after + 64 if following else 0)
        pages += pixels + directory
    return b"II*\0" + struct.pack("<I", start + 64) + pages


def _edit_manifest(case, old, new):
    path = case / "case.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
