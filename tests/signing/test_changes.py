"""What changed after a signature, in words: kinds of objects, pages, names."""

from io import BytesIO

import pytest
import shadow_files
from pyhanko.pdf_utils.reader import PdfFileReader
from signing_pilot import Pilot, make_pdf

from ekyc.errors import LimitError
from ekyc.signing import Level, ReservedField, augment_pdf, inspect_pdf, sign_pdf
from ekyc.signing.validation.changes import list_revisions


@pytest.fixture(scope="module")
def pilot(tmp_path_factory):
    made = Pilot(tmp_path_factory.mktemp("pilot"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def officer(pilot):
    return pilot.party("officer", "Nguyễn Văn Cán Bộ")


@pytest.fixture(scope="module")
def signed(officer):
    return sign_pdf(shadow_files.PREPARED, officer, level=Level.B_T)


def told(pdf, signed=2):
    *_, last = list_revisions(PdfFileReader(BytesIO(pdf)), signed=signed)
    return {(str(c.kind), c.page, c.subject) for c in last.changes} - {("metadata", None, "/Info")}


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        ("hide-overlay-emptied", {("page-resources", 1, "/Resources")}),
        ("hide-stamp-removed", {("annotation-removed", 1, "/Stamp")}),
        ("hide-stamp-flagged-hidden", {("annotation-changed", 1, "/Stamp")}),
        ("hide-layer-switched-off", {("layers", None, "/OCProperties")}),
        ("replace-content", {("page-content", 1, "/Contents")}),
        ("replace-field-appearance", {("field-look", None, "amount")}),
        ("replace-field-value-and-appearance", {("field-filled", None, "amount")}),
        (
            "replace-field-appearance-by-the-readers-own",
            {("form-setting", None, "/NeedAppearances")},
        ),
        ("cover-with-stamp", {("annotation-added", 1, "/Stamp")}),
        ("page-turned", {("page-attribute", 1, "/Rotate")}),
        ("page-added", {("page-added", 2, None)}),
    ],
)
def test_a_change_is_named(attack, expected, signed):
    assert told(shadow_files.VISIBLE[attack](signed)) == expected


def test_a_switched_root_is_named(signed):
    switched = told(shadow_files.VISIBLE["switch-catalogue"](signed))
    assert ("catalogue-switched", None, None) in switched
    assert {("page-added", 1, None), ("page-removed", 1, None)} <= switched


def test_freed_objects_are_counted(signed):
    freed = shadow_files.UNSEEN["overlay-freed"](signed)
    *_, last = list_revisions(PdfFileReader(BytesIO(freed)), signed=2)
    assert ("objects-freed", 1) in {(str(c.kind), c.count) for c in last.changes}


def test_signatures_and_timestamps_are_told_with_their_revisions(pilot, officer):
    reserved = ReservedField(name="seal", box_pt=(320, 60, 560, 140))
    first = sign_pdf(make_pdf(), officer, certify=True, reserve=reserved)
    seal = pilot.party("seal", "Ủy ban nhân dân Mẫu")
    both = augment_pdf(sign_pdf(first, seal, level=Level.B_LTA, field_name="seal"), seal)
    report = inspect_pdf(both, anchors=pilot.anchors, clock=pilot.clock)
    officers, agencys = report.signatures
    assert (officers.revision, agencys.revision) == (2, 3)
    assert [s.revision for s in report.document_timestamps] == [4, 5]
    kinds = [
        [str(c.kind) for c in revision.changes if str(c.kind) != "metadata"]
        for revision in report.changes_after(officers)
    ]
    assert kinds == [["signature"], ["document-timestamp"], ["document-timestamp"]]
    assert report.changes_after(report.document_timestamps[-1]) == ()


def test_a_cyclic_page_tree_is_refused():
    looped = shadow_files.PREPARED.replace(b"/Kids [3 0 R]", b"/Kids [2 0 R]", 1)
    signed = shadow_files.update(looped, bodies=[(40, b"null")])
    with pytest.raises(LimitError):
        list_revisions(PdfFileReader(BytesIO(signed)), signed=1)
