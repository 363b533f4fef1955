"""Small files and texts that want to become large: pictures, PDFs, archives, JSON. Each named after what it does."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from bad_pdfs import written

_ZEROS = bytes(1 << 20)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(side):
    """A black picture of ``side`` x ``side``: 144 megapixels are 140 kB."""
    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", data)
        + _chunk(b"IEND", b"")
    )


def jpeg_that_claims(width, height):
    """The header of a picture of that size, and then nothing."""
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xd9"


def _deflated(mebibytes):
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(_ZEROS) for _ in range(mebibytes)) + packer.flush()


def _pdf(resources, content, extra=(), box=b"0 0 600 800"):
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources <<%s>>>>"
    return written(
        [
            b"<</Type /Catalog /Pages 2 0 R>>",
            b"<</Type /Pages /Count 1 /Kids [3 0 R]>>",
            page % (box, resources),
            content,
            *extra,
        ]
    )


def _stream(data, extra=b""):
    return b"<<%s /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream" % (
        extra,
        len(data),
        data,
    )


def pdf_that_unpacks(mebibytes):
    """A page whose content is so many mebibytes of zeros."""
    return _pdf(b"", _stream(_deflated(mebibytes)))


def pdf_with_picture(side):
    """A page with a picture of ``side`` x ``side`` that is all zeros."""
    picture = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8"
    data = _deflated(side * side >> 20)
    image = _stream(data, picture % (side, side))
    draw = _stream(zlib.compress(b"600 0 0 800 0 0 cm /I Do"))
    return _pdf(b"/XObject <</I 5 0 R>>", draw, [image])


def pdf_of_pages(count):
    """So many pages, which are one."""
    kids = b" ".join([b"3 0 R"] * count)
    return written(
        [
            b"<</Type /Catalog /Pages 2 0 R>>",
            b"<</Type /Pages /Count %d /Kids [%s]>>" % (count, kids),
            b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 600 800]>>",
        ]
    )


def pdf_page_of(inches):
    """A page as large as a field."""
    side = b"0 0 %d %d" % (inches * 72, inches * 72)
    return _pdf(b"", _stream(zlib.compress(b"")), box=side)


def zip_that_unpacks(mebibytes, name="documents/copy.pdf"):
    """An archive whose one file is so many mebibytes of zeros."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(name, "w") as file,
    ):
        for _ in range(mebibytes):
            file.write(_ZEROS)
    return out.getvalue()


def zip_of_shared(count, mebibytes):
    """So many entries of the directory that are all the same bytes of the archive (overlapping files)."""
    inner = zip_that_unpacks(mebibytes, "a0000.jpg")
    at = inner.rindex(b"PK\1\2")
    end = inner.rindex(b"PK\5\6")
    entry = inner[at:end]
    entries = b"".join(entry.replace(b"a0000", b"a%04d" % number) for number in range(count))
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(entries), at, 0)
    return inner[:at] + entries + tail


def zip_in_zip(depth):
    """An archive in an archive in an archive."""
    data = zip_that_unpacks(10)
    for _ in range(depth):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("case.zip", data)
        data = out.getvalue()
    return data


def files():
    """Pictures and PDFs by name; each is below a megabyte or two."""
    return {
        "picture-50-mpx.png": png(7072),
        "picture-144-mpx.png": png(12_000),
        "picture-claims-4-gpx.jpg": jpeg_that_claims(65_500, 65_500),
        "pdf-unpacks-1-gib.pdf": pdf_that_unpacks(1024),
        "pdf-picture-400-mpx.pdf": pdf_with_picture(20_000),
        "pdf-10000-pages.pdf": pdf_of_pages(10_000),
        "pdf-page-of-200-inches.pdf": pdf_page_of(200),
    }


def archives():
    """Archives by name."""
    return {
        "zip-unpacks-300-mib.zip": zip_that_unpacks(300),
        "zip-150-files-that-are-one.zip": zip_of_shared(150, 4),
        "zip-in-zip.zip": zip_in_zip(6),
    }


def texts():
    """JSON documents by name; each fits into the smallest body."""
    return {
        "json-30000-deep-lists": b"[" * 30_000 + b"]" * 30_000,
        "json-deep-objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        "json-number-of-60000-digits": b'{"procedure": ' + b"9" * 60_000 + b"}",
        "json-6000-members": b"{" + b",".join(b'"k%d":1' % n for n in range(6000)) + b"}",
        "json-huge-exponent": b'{"lasts_s": 1e999999999, "attempts": -1e999999999}',
    }
