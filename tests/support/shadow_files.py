"""Shadow attacks on signed PDFs, built here from their published descriptions: hide, replace, hide-and-replace.

Somebody prepares a document so that it can change its face, lets another sign it, and changes it afterwards by an
update behind the signature. ``prepared()`` is such a document with everything that an attack below needs; each attack
takes the signed file and returns the manipulated one. Nothing is copied from a published file.
"""

from __future__ import annotations

import re
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from ekyc.signing.authority.timestamp import request_token
from ekyc.signing.pdf.writing import add_material, make_hole, open_writer

name = generic.pdf_name

PAID = b"BT /F1 24 Tf 72 700 Td (Pay 100) Tj ET"
HIDDEN = b"BT /F1 24 Tf 72 700 Td (Pay 900) Tj ET"
COVER = b"1 1 1 rg 60 600 300 40 re f 0 0 0 rg BT /F1 24 Tf 72 610 Td (Honest) Tj ET"

_FONT = b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding %s>>"
_PLAIN = b"/WinAnsiEncoding"
SWAPPED = b"<</Type /Encoding /Differences [49 /nine 57 /one]>>"


def stream(content, extra=b""):
    return b"<<%s /Length %d>>\nstream\n%s\nendstream" % (extra, len(content), content)


def form(content, box=b"[0 0 612 792]"):
    extra = b"/Type /XObject /Subtype /Form /BBox %s /Resources <</Font <</F1 5 0 R>>>>" % box
    return stream(content, extra)


class Numbers:
    """Object numbers of the prepared document."""

    CATALOG, PAGES, PAGE, CONTENT, FONT = 1, 2, 3, 4, 5
    OVERLAY, FIELD, LOOK, COVERING, COVERING_LOOK = 6, 7, 8, 9, 10
    LAYER, SECOND_CONTENT, SECOND_PAGE, SECOND_PAGES, SECOND_CATALOG = 11, 12, 13, 14, 15
    FORM = 16


def _objects():
    resources = (
        b"/Resources <</Font <</F1 5 0 R>> /XObject <</Over 6 0 R>> /Properties <</L 11 0 R>>>>"
    )
    page = b"<</Type /Page /Parent %d 0 R /MediaBox [0 0 612 792] /Contents %d 0 R %s %s>>"
    shown = (
        PAID + b" BT /F1 24 Tf 72 610 Td (Secret 1) Tj ET /Over Do "
        b"/OC /L BDC BT /F1 24 Tf 72 500 Td (Layer 1) Tj ET EMC"
    )
    layers = b"/OCProperties <</OCGs [11 0 R] /D <</ON [11 0 R] /Order [11 0 R]>>>>"
    fields = b"<</Fields [7 0 R] /DR <</Font <</F1 5 0 R>>>> /DA (/F1 12 Tf 0 g)>>"
    kids = b"<</Type /Pages /Count 1 /Kids [%d 0 R]>>"
    field = (
        b"<</Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V (100) /F 4 /DA (/F1 18 Tf 0 g) /P 3 0 R"
        b" /Rect [72 400 272 430] /AP <</N 8 0 R>>>>"
    )
    covering = (
        b"<</Type /Annot /Subtype /Stamp /F 4 /P 3 0 R /Rect [72 300 372 330] /AP <</N 10 0 R>>>>"
    )
    return [
        b"<</Type /Catalog /Pages 2 0 R %s /AcroForm 16 0 R>>" % layers,
        kids % 3,
        page % (2, 4, resources, b"/Annots [7 0 R 9 0 R]"),
        stream(shown),
        _FONT % _PLAIN,
        form(COVER),
        field,
        form(b"/Tx BMC BT /F1 18 Tf 2 8 Td (100) Tj ET EMC", b"[0 0 200 30]"),
        covering,
        form(b"0.8 g 0 0 300 30 re f 0 g BT /F1 18 Tf 2 8 Td (Stamp) Tj ET", b"[0 0 300 30]"),
        b"<</Type /OCG /Name (L)>>",
        stream(HIDDEN),
        page % (14, 12, resources, b""),
        kids % 13,
        b"<</Type /Catalog /Pages 14 0 R /AcroForm 16 0 R>>",
        fields,
    ]


def prepared(twice=None):
    """The document before it is signed; ``twice``: number of an object of which the body holds another version too."""
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    if twice is not None:
        out += b"%d 0 obj\n%s\nendobj\n" % (twice[0], twice[1])
    for number, body in enumerate(_objects(), start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d /Root 1 0 R /ID [<00><00>]>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(places) + 1,
        start,
    )
    return bytes(out)


PREPARED = prepared()
DOUBLED = prepared(twice=(Numbers.CONTENT, stream(HIDDEN)))
"""Its first version of the page's content is not named by any cross-reference table, yet."""


# --- updates written by hand, as an attacker does who needs no library to agree -----------------------------------


def _last(pattern, data):
    return int(re.findall(pattern, data)[-1])


def update(signed, entries=(), bodies=(), trailer=b"", ending=True):
    """Append objects and a table: ``entries`` are (number, offset, b"n" or b"f"), ``bodies`` (number, body)."""
    out = bytearray(signed)
    if not out.endswith(b"\n"):
        out += b"\n"
    rows = {number: (offset, kind) for number, offset, kind in entries}
    for number, body in bodies:
        rows[number] = (len(out), b"n")
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n"
    for number, (offset, kind) in sorted(rows.items()):
        generation = 1 if kind == b"f" else 0
        out += b"%d 1\n%010d %05d %s \n" % (number, offset, generation, kind)
    previous = _last(rb"startxref\s+(\d+)", signed)
    size = max(_last(rb"/Size (\d+)", signed), *(number + 1 for number in rows), 1)
    root = trailer or b"/Root 1 0 R"
    out += b"trailer\n<</Size %d %s /Prev %d /ID [<00><00>]>>\n" % (size, root, previous)
    if ending:
        out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def body_of(signed, number):
    """Newest body of an object that stands in the open."""
    return re.findall(rb"\n%d 0 obj\s*(.*?)\s*endobj" % number, signed, re.DOTALL)[-1]


def _rewritten(number, body):
    return lambda signed: update(signed, bodies=[(number, body)])


def _edited(number, old, new):
    def attack(signed):
        before = body_of(signed, number)
        assert old in before, (number, before)
        return update(signed, bodies=[(number, before.replace(old, new))])

    return attack


def _written(change):
    """Through a library, as office software would."""

    def attack(signed):
        writer = IncrementalPdfFileWriter(BytesIO(signed))
        change(writer)
        out = BytesIO()
        writer.write(out)
        return out.getvalue()

    return attack


def _first_page(writer):
    return writer.find_page_for_modification(0)[0].get_object()


def _annotate(subtype, content=None, flags=4, rect=(60, 690, 300, 730)):
    def change(writer):
        note = {
            name("/Type"): name("/Annot"),
            name("/Subtype"): name(subtype),
            name("/F"): generic.NumberObject(flags),
            name("/Rect"): generic.ArrayObject(map(generic.FloatObject, rect)),
        }
        if content is not None:
            look = generic.StreamObject(stream_data=content)
            look[name("/Type")], look[name("/Subtype")] = name("/XObject"), name("/Form")
            look[name("/BBox")] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 240, 40)))
            note[name("/AP")] = generic.DictionaryObject({name("/N"): writer.add_object(look)})
        page = writer.find_page_for_modification(0)[0]
        writer.register_annotation(page, writer.add_object(generic.DictionaryObject(note)))

    return change


def _turned(writer):
    page = _first_page(writer)
    page[name("/Rotate")] = generic.NumberObject(180)
    writer.update_container(page)


def _cropped(writer):
    page = _first_page(writer)
    page[name("/CropBox")] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 612, 690)))
    writer.update_container(page)


def _page_added(writer):
    pages = writer.root["/Pages"]
    page = generic.DictionaryObject(
        {
            name("/Type"): name("/Page"),
            name("/Parent"): writer.root.raw_get("/Pages"),
            name("/MediaBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 612, 792))),
        }
    )
    pages["/Kids"].append(writer.add_object(page))
    pages[name("/Count")] = generic.NumberObject(2)
    writer.update_container(pages)


def _needs_appearances(writer):
    form_ = writer.root["/AcroForm"]
    form_[name("/NeedAppearances")] = generic.BooleanObject(True)
    writer.update_container(form_)


def _form_setting(key, value):
    def change(writer):
        form_ = writer.root["/AcroForm"]
        form_[name(key)] = value
        writer.update_container(form_)

    return _written(change)


def _other_form_font():
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/ZapfDingbats"}
    entries = generic.DictionaryObject({name(key): name(value) for key, value in font.items()})
    fonts = generic.DictionaryObject({name("/F1"): entries})
    return generic.DictionaryObject({name("/Font"): fonts})


def _switch_content(signed):
    """Only a table: the number of the page's content now leads to the other version, which was signed too."""
    place = signed.index(b"\n%d 0 obj" % Numbers.CONTENT) + 1
    return update(signed, entries=[(Numbers.CONTENT, place, b"n")])


def _switch_root(signed):
    return update(
        signed,
        bodies=[(99, b"<<>>")],
        trailer=b"/Root %d 0 R" % Numbers.SECOND_CATALOG,
    )


def _switch_page_content(signed):
    """The dormant content's offset under the number of the shown one."""
    place = signed.index(b"\n%d 0 obj" % Numbers.SECOND_CONTENT) + 1
    return update(signed, entries=[(Numbers.CONTENT, place, b"n")])


def _free_overlay(signed):
    return update(signed, entries=[(Numbers.OVERLAY, 0, b"f")])


def _pointing_back(change):
    """What a change appends, and behind it the ending of the signed file once more: no parser looks at what is between."""

    def attack(signed):
        ending = b"startxref\n%d\n%%%%EOF\n" % _last(rb"startxref\s+(\d+)", signed)
        return change(signed) + ending

    return attack


def _without_ending(signed):
    return update(signed, bodies=[(Numbers.CONTENT, stream(HIDDEN))], ending=False)


_LOOK_900 = form(b"/Tx BMC BT /F1 18 Tf 2 8 Td (900) Tj ET EMC", b"[0 0 200 30]")

VISIBLE = {
    # hide: something lay on top, and goes away
    "hide-overlay-emptied": _rewritten(Numbers.OVERLAY, form(b"")),
    "hide-overlay-made-an-image": _rewritten(
        Numbers.OVERLAY,
        stream(
            b"\x00",
            b"/Type /XObject /Subtype /Image /Width 1 /Height 1 /ImageMask true"
            b" /BitsPerComponent 1",
        ),
    ),
    "hide-stamp-removed": _edited(Numbers.PAGE, b"9 0 R", b""),
    "hide-stamp-flagged-hidden": _edited(Numbers.COVERING, b"/F 4", b"/F 2"),
    "hide-layer-switched-off": _edited(
        Numbers.CATALOG, b"/ON [ 11 0 R ]", b"/BaseState /OFF /OFF [11 0 R]"
    ),
    # replace: the same objects with another face
    "replace-content": _rewritten(Numbers.CONTENT, stream(HIDDEN)),
    "replace-overlay": _rewritten(Numbers.OVERLAY, form(COVER.replace(b"Honest", b"Forged"))),
    "replace-field-appearance": _rewritten(Numbers.LOOK, _LOOK_900),
    "replace-field-value-and-appearance": lambda signed: update(
        signed,
        bodies=[
            (Numbers.FIELD, body_of(signed, Numbers.FIELD).replace(b"(100)", b"(900)")),
            (Numbers.LOOK, _LOOK_900),
        ],
    ),
    "replace-field-appearance-by-the-readers-own": _written(_needs_appearances),
    "replace-stamp-appearance": _rewritten(
        Numbers.COVERING_LOOK,
        form(b"0.8 g 0 0 300 30 re f 0 g BT /F1 18 Tf 2 8 Td (Other) Tj ET", b"[0 0 300 30]"),
    ),
    "replace-font-encoding": _rewritten(Numbers.FONT, _FONT % SWAPPED),
    "replace-font": _edited(Numbers.FONT, b"/Helvetica", b"/Courier"),
    "cover-with-stamp": _written(_annotate("/Stamp", b"1 1 1 rg 0 0 240 40 re f")),
    "cover-with-square": _written(_annotate("/Square", b"0 0 0 rg 0 0 240 40 re f")),
    "page-turned": _written(_turned),
    "page-cropped": _written(_cropped),
    "page-added": _written(_page_added),
    # hide and replace: nothing new, the table alone wakes what was signed asleep
    "switch-catalogue": _switch_root,
}
"""Attacks after which PDFium shows another page, on ``PREPARED``."""

UNSEEN = {
    "overlay-freed": _free_overlay,
    "font-is-none": _edited(Numbers.PAGE, b"/F1 5 0 R", b"/F1 6 0 R"),
    "content-of-another-number": _switch_page_content,
    "field-value-alone": _edited(Numbers.FIELD, b"/V (100)", b"/V (900)"),
    "note-without-appearance": _written(_annotate("/Text", rect=(500, 50, 520, 70))),
    "body-without-ending": _without_ending,
    "body-without-ending-and-the-old-ending": _pointing_back(_without_ending),
    "update-and-the-old-ending": _pointing_back(
        lambda signed: update(signed, bodies=[(Numbers.CONTENT, stream(HIDDEN))])
    ),
    "form-font": _form_setting("/DR", _other_form_font()),
    "form-ink-made-white": _form_setting("/DA", generic.TextStringObject("/F1 12 Tf 1 g")),
    "form-text-moved": _form_setting("/Q", generic.NumberObject(2)),
}
"""Attacks that PDFium's picture alone need not tell: readers differ, or nothing is painted."""

BLANK = {
    "stamp-on-blank": _written(
        _annotate("/Stamp", b"0 g 0 0 240 40 re f", rect=(60, 100, 300, 140))
    )
}
"""Additions that cover nothing."""

_SEEN_STAMP = "seen-stamp"


def stamped_visibly(signed, party, content, rect):
    """A document timestamp that says something: whoever can ask its authority for a time can write this."""
    writer = open_writer(signed)
    add_material(writer, party.material())
    append_signature_field(writer, SigFieldSpec(sig_field_name=_SEEN_STAMP, box=rect))
    field = writer.root["/AcroForm"]["/Fields"][-1]
    look = generic.StreamObject(stream_data=content)
    look[name("/Type")], look[name("/Subtype")] = name("/XObject"), name("/Form")
    box = (0, 0, rect[2] - rect[0], rect[3] - rect[1])
    look[name("/BBox")] = generic.ArrayObject(map(generic.NumberObject, box))
    field[name("/AP")] = generic.DictionaryObject({name("/N"): writer.add_object(look)})
    writer.update_container(field)
    hole = make_hole(writer, _SEEN_STAMP, DocumentTimestamp(20_480))
    token = request_token(hole.digest, ask=party.stamp, random=party.random, clock=party.clock)
    return hole.filled(token)


DOUBLED_ATTACKS = {"switch-content-to-first-version": _switch_content}
"""On ``DOUBLED``."""
