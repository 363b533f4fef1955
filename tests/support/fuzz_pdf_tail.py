"""Fuzz target of the ends of PDFs: trailing bytes, cross-references, byte ranges, and the report on what is left."""

from functools import cache
from io import BytesIO

from pyhanko.pdf_utils.reader import PdfFileReader

from ekyc.outcomes import Outcome
from ekyc.signing import Indication, ValidationLimits, inspect_pdf
from ekyc.signing.der import context, integer, octet_string, oid, sequence, set_of
from ekyc.signing.validation.revisions import has_clean_tail, has_exact_byte_range

_LIMITS = ValidationLimits(comparison=None, time_s=5.0)
_REASONS = frozenset({"encrypted", "hybrid", "limit", "none", "unexpected", "unreadable"})
_SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"))
_ECDSA = sequence(oid("1.2.840.10045.4.3.2"))
_SIGNER = sequence(
    integer(1),
    sequence(sequence(), integer(1)),
    _SHA256,
    context(0, sequence(oid("1.2.840.113549.1.9.4"), set_of([octet_string(bytes(32))]))),
    _ECDSA,
    octet_string(b"no value"),
)
_BODY = sequence(
    integer(1), set_of([_SHA256]), sequence(oid("1.2.840.113549.1.7.1")), set_of([_SIGNER])
)
_CMS = sequence(oid("1.2.840.113549.1.7.2"), context(0, _BODY))
_CONTENTS = b"<%s>" % _CMS.hex().encode()
"""A signature of nobody, without a certificate: its frame is sound."""


def pdf_tail(data):
    """No end but a clean one is called clean, no range but an exact one exact, and nothing passes."""
    reader = None
    try:
        parsed = PdfFileReader(BytesIO(data))
        if has_clean_tail(data, parsed):
            reader = parsed
    except Exception:  # noqa: BLE001  # whatever pyHanko raises: the report below has to say it
        pass
    if reader is not None:
        assert data.rstrip(b"\x00\t\n\x0c\r ").endswith(b"%%EOF")
        assert b"startxref" in data[-256:] or data[-1:] in b"\x00\t\n\x0c\r "
        _ranges(data, reader)
    report = inspect_pdf(data, anchors=(), limits=_LIMITS)
    assert report.outcome is not Outcome.PASSED
    assert all(entry.indication is not Indication.TOTAL_PASSED for entry in report.signatures)
    for problem in report.problems:
        (reason,) = problem.reasons
        assert reason.removeprefix("signature.") in _REASONS, reason


def _ranges(data, reader):
    try:
        found = [entry for entry in reader.embedded_signatures if has_exact_byte_range(data, entry)]
    except Exception:  # noqa: BLE001  # as above
        return
    for entry in found:
        _, before, after, length = entry.byte_range
        assert data[before] == 0x3C
        assert data[after - 1] == 0x3E
        assert after + length <= len(data)


TARGETS = {"pdf_tail": pdf_tail}


def _file(objects):
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    out += end % (len(places) + 1, start)
    return bytes(out)


def _signed():
    """As a signed file is built; its contents are no CMS."""
    hole = b"/ByteRange [0 %04d %04d %04d] /Contents %s"
    signature = (
        b"<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached " + hole + b">>"
    )
    objects = [
        b"<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [4 0 R] /SigFlags 3>>>>",
        b"<</Type /Pages /Count 1 /Kids [3 0 R]>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Annots [4 0 R]>>",
        b"<</Type /Annot /Subtype /Widget /FT /Sig /T (S) /V 5 0 R /Rect [0 0 0 0] /P 3 0 R>>",
    ]
    draft = _file([*objects, signature % (0, 0, 0, _CONTENTS)])
    start = draft.index(_CONTENTS)
    end = start + len(_CONTENTS)
    return _file([*objects, signature % (start, end, len(draft) - end, _CONTENTS)])


def _updated(data, ending):
    start = len(data)
    previous = int(data.rsplit(b"startxref\n", 1)[1].split()[0])
    body = b"3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 8 8]>>\nendobj\n"
    table = b"xref\n3 1\n%010d 00000 n \ntrailer\n<</Size 6 /Root 1 0 R /Prev %d>>\n"
    return data + body + table % (start, previous) + ending % (start + len(body))


def _streamed():
    """Its cross-references are a stream, uncompressed."""
    out = bytearray(b"%PDF-1.7\n")
    places = [len(out)]
    out += b"1 0 obj\n<</Type /Catalog /Pages 2 0 R>>\nendobj\n"
    places.append(len(out))
    out += b"2 0 obj\n<</Type /Pages /Count 0 /Kids []>>\nendobj\n"
    places.append(len(out))
    rows = bytes(5) + b"".join(b"\x01" + place.to_bytes(3, "big") + b"\0" for place in places)
    head = b"3 0 obj\n<</Type /XRef /Size 4 /W [1 3 1] /Root 1 0 R /Length %d>>\nstream\n"
    out += head % len(rows) + rows + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % places[-1]
    return bytes(out)


@cache
def tail_seeds():
    signed = _signed()
    ended = b"startxref\n%d\n%%%%EOF\n"
    return {
        "pdf_tail": (
            signed,
            _updated(signed, ended),
            _updated(signed, b"startxref\n%d\n"),
            _updated(_updated(signed, ended), ended),
            _streamed(),
        )
    }
