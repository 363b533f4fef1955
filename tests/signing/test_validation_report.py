"""The report on a file: nine criteria, kinds of anchors, one way in for all formats, a page with pictures."""

import hashlib
from io import BytesIO

import pytest
import shadow_files
from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate
from signing_pilot import Pilot, make_pdf

from ekyc.errors import InputError
from ekyc.outcomes import Outcome, describe_reason
from ekyc.signing import (
    Anchor,
    AnchorKind,
    ChangeKind,
    Criterion,
    Indication,
    Level,
    digest_stream,
    nine_criteria,
    picture_changes,
    read_anchor_list,
    report_files,
    sign_cades,
    sign_json,
    sign_pdf,
    sign_xml,
    validate_file,
)
from ekyc.signing.validation.report import Shown
from ekyc.signing.validation.trust import reason_for
from ekyc.signing.validation.words import word


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
    return sign_pdf(make_pdf(), officer, level=Level.B_LTA)


def judged(data, pilot, *, kind=AnchorKind.TEST, anchored=True, **options):
    anchors = [Anchor(certificate=der, kind=kind) for der in pilot.anchors] if anchored else []
    return validate_file(data, anchors=anchors, clock=pilot.clock, **options)


def criteria(report):
    return {found.criterion: found for found in nine_criteria(report.signatures[0])}


class TestCriteria:
    def test_all_nine_pass_with_what_they_rest_on(self, signed, pilot):
        found = criteria(judged(signed, pilot))
        assert list(found) == list(Criterion)
        assert {entry.outcome for entry in found.values()} == {Outcome.PASSED}
        assert all(entry.rests_on for entry in found.values())
        assert "Nguyễn Văn Cán Bộ" in found[Criterion.SIGNER_IDENTITY].rests_on
        assert "RFC 3161" in found[Criterion.VALID_AT_SIGNING].rests_on
        assert "test" in found[Criterion.ISSUER_STATEMENTS].rests_on

    def test_without_an_anchor_only_key_and_content_are_decided(self, signed, pilot):
        found = criteria(judged(signed, pilot, anchored=False))
        passed = {name for name, entry in found.items() if entry.outcome is Outcome.PASSED}
        assert passed == {Criterion.KEY_MATCH, Criterion.DIGEST_MATCH}
        assert found[Criterion.SIGNER_IDENTITY].reasons == ("signature.no_anchor",)
        assert found[Criterion.ALGORITHM].reasons == ("signature.not_examined",)

    def test_changed_content_fails_by_its_digest(self, signed, pilot):
        changed = signed.replace(b"ReportLab", b"ReportLub", 1)
        found = criteria(judged(changed, pilot))
        assert found[Criterion.DIGEST_MATCH].outcome is Outcome.FAILED
        assert found[Criterion.KEY_MATCH].outcome is Outcome.INDETERMINATE

    def test_a_claimed_time_is_marked(self, pilot, officer):
        plain = sign_pdf(make_pdf(), officer, level=Level.B_B)
        report = judged(plain, pilot, crls=pilot.ca.material().crls)
        assert criteria(report)[Criterion.VALID_AT_SIGNING].rests_on.endswith("(?)")


class TestAnchors:
    def listed(self, entry, files):
        text = f'schema = "ekyc.anchors/1"\n[[anchor]]\n{entry}\n'
        return read_anchor_list(text.encode(), lambda name: files[name])

    @pytest.mark.parametrize("kind", AnchorKind)
    def test_its_kind_is_in_every_verdict(self, kind, signed, pilot):
        report = judged(signed, pilot, kind=kind)
        entries = (*report.signatures, *report.document_timestamps)
        assert {entry.anchor_kind for entry in entries} == {kind}

    def test_a_bare_certificate_is_of_no_stated_kind(self, signed, pilot):
        report = validate_file(signed, anchors=pilot.anchors, clock=pilot.clock)
        assert report.signatures[0].anchor_kind is AnchorKind.UNSTATED

    def test_of_two_kinds_for_one_name_the_lesser_is_told(self, signed, pilot):
        both = [
            Anchor(certificate=pilot.anchors[0], kind=kind)
            for kind in (AnchorKind.NEAC, AnchorKind.TEST)
        ]
        report = validate_file(signed, anchors=both, clock=pilot.clock)
        assert report.signatures[0].anchor_kind is AnchorKind.TEST

    def test_a_list_is_read_with_its_pins(self, pilot):
        root = pilot.anchors[0]
        pin = hashlib.sha256(root).hexdigest()
        (anchor,) = self.listed(f'kind = "NEAC"\nfile = "r"\nsha256 = "{pin}"', {"r": root})
        assert anchor == Anchor(certificate=root, kind=AnchorKind.NEAC)

    @pytest.mark.parametrize(
        ("entry", "code"),
        [
            ('kind = "NEAC"\nfile = "r"\nsha256 = "00"', "signing.anchors.digest"),
            ('kind = "neac"\nfile = "r"', "signing.anchors.malformed"),
            ('kind = "NEAC"', "signing.anchors.malformed"),
            ('kind = "NEAC"\nfile = 5', "signing.anchors.malformed"),
            ('kind = "NEAC"\nfile = "r"\nmore = 1', "signing.anchors.malformed"),
        ],
    )
    def test_a_list_that_is_none_is_refused_by_name(self, entry, code):
        with pytest.raises(InputError) as caught:
            self.listed(entry, {"r": b"x"})
        assert caught.value.code == code

    @pytest.mark.parametrize("text", [b"", b"\xff", b"[[anchor]]", b'schema = "ekyc.anchors/1"'])
    def test_so_is_what_is_no_list(self, text):
        with pytest.raises(InputError) as caught:
            read_anchor_list(text, lambda name: name.encode())
        assert caught.value.code == "signing.anchors.malformed"


class TestEveryFormat:
    def test_is_told_by_what_the_file_holds(self, pilot, officer):
        content = b"any content"
        detached = sign_cades(digest_stream(BytesIO(content)), officer, level=Level.B_LT)
        made = [
            (sign_pdf(make_pdf(), officer), {}),
            (sign_xml(b"<a>b</a>", officer, level=Level.B_LT), {}),
            (sign_json(b'{"a": 1}', officer, level=Level.B_LT), {}),
            (detached, {"content": BytesIO(content)}),
        ]
        for data, options in made:
            report = judged(data, pilot, **options)
            assert report.outcome is Outcome.PASSED
            assert report.signatures[0].anchor_kind is AnchorKind.TEST

    def test_a_detached_one_without_its_content_is_not_decided(self, pilot, officer):
        detached = sign_cades(digest_stream(BytesIO(b"x")), officer, level=Level.B_B)
        report = judged(detached, pilot)
        assert report.outcome is Outcome.INDETERMINATE
        assert report.problems[0].reasons == ("signature.content_missing",)

    @pytest.mark.parametrize("data", [b"", b"hello", b"\x00" * 100, b"%PDF-", b"<", b"{", b"eyJ"])
    def test_what_is_none_is_not_decided(self, data, pilot):
        assert judged(data, pilot).outcome is Outcome.INDETERMINATE

    def test_any_exception_is_not_decided(self, pilot, officer):
        class Broken(BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise RuntimeError(size)

        detached = sign_cades(digest_stream(BytesIO(b"x")), officer, level=Level.B_B)
        assert judged(detached, pilot, content=Broken()).outcome is Outcome.INDETERMINATE

    def test_the_callers_own_mistakes_are_said_to_him(self, signed):
        with pytest.raises(InputError):
            validate_file(signed, anchors=[b"junk"])


class TestPage:
    @pytest.fixture
    def attacked(self, officer):
        signed = sign_pdf(shadow_files.PREPARED, officer, level=Level.B_T)
        return shadow_files.VISIBLE["hide-overlay-emptied"](signed)

    def test_shows_the_page_before_and_after(self, attacked, pilot):
        report = judged(attacked, pilot)
        (pair,) = picture_changes(attacked, report)
        assert (pair.field_name, pair.page) == ("Signature1", 1)
        assert pair.before_png[:4] == pair.now_png[:4] == b"\x89PNG"
        assert pair.before_png != pair.now_png
        files = report_files(report, [pair], title="a & b <c>.pdf")
        assert set(files) == {"report.html", "page-001-signed.png", "page-001-now.png"}
        html = files["report.html"].decode()
        assert "a &amp; b &lt;c&gt;.pdf" in html
        assert "TOTAL-FAILED" in html
        assert word("shown", "CHANGED", "vi") in html
        assert "<script" not in html

    def test_says_of_a_good_file_what_it_does_not_prove(self, signed, pilot):
        report = judged(signed, pilot)
        assert picture_changes(signed, report) == ()
        html = report_files(report, (), title="x")["report.html"].decode()
        assert word("label", "says_not", "en") in html
        assert word("anchor", "test", "vi") in html

    def test_names_from_the_file_cannot_write_the_page(self, attacked, pilot):
        named = attacked.replace(b"/T (amount)", b"/T (<b>&\n)", 1)
        html = report_files(judged(named, pilot), (), title="x")["report.html"].decode()
        assert "<b>" not in html


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("indication", Indication),
        ("outcome", Outcome),
        ("anchor", AnchorKind),
        ("criterion", Criterion),
        ("shown", Shown),
        ("change", ChangeKind),
    ],
)
def test_every_name_has_words_in_both_languages(group, names):
    for name in names:
        texts = {
            word(group, name.value, language, subject="s", page=1, count=1)
            for language in ("vi", "en")
        }
        assert len(texts) == 2
        assert all(texts)


def test_words_are_used(repository_root):
    import tomllib

    text = (repository_root / "ekyc/data/validation_words.toml").read_text(encoding="utf-8")
    changes = set(tomllib.loads(text)["change"])
    assert changes == {kind.value for kind in ChangeKind}


def test_every_sub_indication_of_the_standard_has_a_reason_of_its_own():
    known = {entry.standard_name for kind in (AdESFailure, AdESIndeterminate) for entry in kind}
    unnamed = {name for name in known if reason_for(str(name)) == "signature.unexpected"}
    assert unnamed == {"GENERIC"}
    for name in known:
        assert describe_reason(reason_for(str(name)), "vi")
