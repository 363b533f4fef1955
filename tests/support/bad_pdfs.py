"""PDFs that want to cost much or to be read in two ways, each named after what is wrong with it."""

import zlib


def stream(content, extra=b""):
    return b"<<%s /Length %d>>\nstream\n%s\nendstream" % (extra, len(content), content)


def written(objects, *, trailer=b"", root=1):
    """A PDF of these objects, numbered from one, with a cross-reference table."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d /Root %d 0 R %s>>\nstartxref\n%d\n%%%%EOF\n"
    out += end % (len(objects) + 1, root, trailer, start)
    return bytes(out)


CATALOG = b"<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [%s] /SigFlags 3>>>>"
PAGES = b"<</Type /Pages /Count 1 /Kids [3 0 R]>>"
PAGE = b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>>"
FIELD = b"<</Type /Annot /Subtype /Widget /FT /Sig /T (S%d) /V %d 0 R /Rect [0 0 0 0] /P 3 0 R>>"
SIGNATURE = (
    b"<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached"
    b" /ByteRange [%s] /Contents <%s>>>"
)


def signed_like(byte_range, contents=b"3003020100"):
    """One signature field; its contents are no CMS unless given."""
    signature = SIGNATURE % (byte_range, contents)
    return written([CATALOG % b"4 0 R", PAGES, PAGE, FIELD % (1, 5), signature])


def many_signatures(count):
    fields = b" ".join(b"%d 0 R" % (number + 5) for number in range(count))
    objects = [CATALOG % fields, PAGES, PAGE, SIGNATURE % (b"0 1 2 3", b"3003020100")]
    return written([*objects, *(FIELD % (number, 4) for number in range(count))])


def many_revisions(count):
    out = bytearray(signed_like(b"0 1 2 3"))
    previous = int(bytes(out).rsplit(b"startxref\n", 1)[1].split()[0])
    for _ in range(count):
        start = len(out)
        table = b"xref\n0 0\ntrailer\n<</Size 6 /Root 1 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
        out += table % (previous, start)
        previous = start
    return bytes(out)


def _cyclic():
    loop = b"<</Type /Pages /Count 1 /Kids [2 0 R]>>"
    plain = [CATALOG % b"4 0 R", PAGES, PAGE]
    kid = b"<</FT /Sig /T (a) /Kids [4 0 R]>>"
    pair = [b"<</FT /Sig /T (a) /Kids [5 0 R]>>", b"<</T (b) /Kids [4 0 R] /Parent 4 0 R>>"]
    own = b"4 0 R"
    return {
        "page-tree": written([CATALOG % b"", loop]),
        "page-tree-of-two": written(
            [CATALOG % b"", PAGES, b"<</Type /Pages /Count 1 /Kids [2 0 R] /Parent 2 0 R>>"]
        ),
        "field-of-itself": written([*plain, kid]),
        "fields-of-each-other": written([*plain, *pair]),
        "object-that-is-itself": written([*plain, own]),
        "root-that-is-itself": written([b"1 0 R"]),
        "length-of-itself": written([*plain, b"<</Length 4 0 R>>\nstream\nx\nendstream"]),
        "previous-table-is-this": _previous_loop(),
        "appearance-of-itself": written(
            [
                CATALOG % b"4 0 R",
                PAGES,
                b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Annots [4 0 R]>>",
                b"<</Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [0 0 9 9] /AP <</N 5 0 R>>>>",
                stream(
                    b"/X Do",
                    b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]"
                    b" /Resources <</XObject <</X 5 0 R>>>>",
                ),
            ]
        ),
    }


def _previous_loop():
    plain = signed_like(b"0 1 2 3")
    start = int(plain.rsplit(b"startxref\n", 1)[1].split()[0])
    return plain.replace(b"/Root 1 0 R ", b"/Root 1 0 R /Prev %d" % start, 1)


def _object_stream(content, *, filters, count=1, first=4):
    """A catalogue that lies in a stream of objects."""
    out = bytearray(b"%PDF-1.7\n")
    objstm = len(out)
    head = b"/Type /ObjStm /N %d /First %d /Filter [%s]" % (count, first, filters)
    out += b"2 0 obj\n%s\nendobj\n" % stream(content, head)
    table = len(out)
    rows = bytes(5) + b"\x02" + (2).to_bytes(3, "big") + b"\0"
    rows += b"\x01" + objstm.to_bytes(3, "big") + b"\0" + b"\x01" + table.to_bytes(3, "big") + b"\0"
    out += b"3 0 obj\n%s\nendobj\n" % stream(rows, b"/Type /XRef /Size 4 /W [1 3 1] /Root 1 0 R")
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def _bombs():
    zeros = b"1 0 " + b" " * (256 << 20)
    once = zlib.compress(zeros, 9)
    twice = zlib.compress(once, 9)
    flate = b"/FlateDecode"
    return {
        "object-stream": _object_stream(once, filters=flate),
        "object-stream-packed-twice": _object_stream(twice, filters=flate + b" " + flate),
        "object-stream-of-a-billion": _object_stream(
            zlib.compress(b"1 0 null"), filters=flate, count=10**9
        ),
        "object-stream-that-begins-behind-its-end": _object_stream(
            zlib.compress(b"1 0 null"), filters=flate, first=10**12
        ),
        "cross-references-of-a-billion": _huge_references(),
        "nested-arrays": written([b"[" * 200_000 + b"]" * 200_000]),
        "nested-dictionaries": written([b"<</A " * 100_000 + b"1" + b">>" * 100_000]),
        "number-of-a-million-digits": signed_like(b"0 1 2 " + b"9" * 1_000_000),
        "name-of-ten-megabytes": written([b"<</Type /" + b"A" * (10 << 20) + b">>"]),
    }


def _huge_references():
    out = bytearray(b"%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 1 0 R>>\nendobj\n")
    table = len(out)
    head = b"/Type /XRef /Size 1000000000 /Index [0 1000000000] /W [1 3 1] /Root 1 0 R"
    out += b"2 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n" % (stream(bytes(50), head), table)
    return bytes(out)


ABSURD_RANGES = {
    "empty": b"",
    "three-numbers": b"0 1 2",
    "five-numbers": b"0 1 2 3 4",
    "negative": b"0 -1 5 7",
    "negative-length": b"0 10 20 -3",
    "beyond-the-file": b"0 10 20 99999999",
    "beyond-all-files": b"0 1%s 2%s 3" % (b"0" * 60, b"0" * 60),
    "zero": b"0 0 0 0",
    "overlapping": b"0 100 50 100",
    "backwards": b"300 10 0 10",
    "fractions": b"0 1.5 2.5 3.5",
    "words": b"/a /b /c /d",
    "null": b"null null null null",
    "a-reference-to-itself": b"5 0 R 5 0 R",
    "thousands": b"0 1 " * 50_000,
}

CYCLIC = _cyclic()


def bombs():
    """Made when asked for: some take a second to pack."""
    return _bombs()


BOMBS = (
    "object-stream",
    "object-stream-packed-twice",
    "object-stream-of-a-billion",
    "object-stream-that-begins-behind-its-end",
    "cross-references-of-a-billion",
    "nested-arrays",
    "nested-dictionaries",
    "number-of-a-million-digits",
    "name-of-ten-megabytes",
)
