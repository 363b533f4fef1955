"""A validation report as one page of HTML with its pictures beside it, in Vietnamese and English. Loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from ekyc.outcomes import describe_reason
from ekyc.signing.validation.criteria import nine_criteria
from ekyc.signing.validation.page_pictures import PagePictures
from ekyc.signing.validation.report import Indication, SignatureReport, ValidationReport
from ekyc.signing.validation.words import Language, change_in_words, word

PAGE: Final = "report.html"
_LANGUAGES: Final[tuple[Language, ...]] = ("vi", "en")
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
h2{margin-top:2.5rem;border-top:1px solid #bbb;padding-top:1rem}
.en{color:#555}.passed{color:#0a6b2d}.failed{color:#a4101b}.undecided{color:#8a5a00}
table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top}
figure{display:inline-block;width:48%;margin:.5rem .5% 1rem}img{width:100%;border:1px solid #888}
dt{font-weight:600}dd{margin:0 0 .5rem;overflow-wrap:anywhere}
"""
_CLASSES: Final = {
    Indication.TOTAL_PASSED: "passed",
    Indication.INDETERMINATE: "undecided",
    Indication.TOTAL_FAILED: "failed",
}


def report_files(
    report: ValidationReport, pictures: Sequence[PagePictures], *, title: str
) -> Mapping[str, bytes]:
    """The files of a report by name: ``report.html`` and PNGs. They name the signers.

    Args:
        report: of any format.
        pictures: of :func:`ekyc.signing.validation.page_pictures.picture_changes`.
        title: name of the file that was validated.
    """
    names = {id(pair): f"page-{number:03}" for number, pair in enumerate(pictures, start=1)}
    files: dict[str, bytes] = {}
    for pair in pictures:
        files[f"{names[id(pair)]}-signed.png"] = pair.before_png
        files[f"{names[id(pair)]}-now.png"] = pair.now_png
    body: list[str] = [_head(title), *_problems(report)]
    for entry in (*report.signatures, *report.document_timestamps):
        body += _signature(report, entry)
        body += [
            _figures(names[id(pair)], pair)
            for pair in pictures
            if pair.field_name == entry.field_name
        ]
    body.append(f"<p>{_both('label', 'says_not')}</p></body></html>\n")
    return {PAGE: "\n".join(body).encode("utf-8", "replace"), **files}


def _head(title: str) -> str:
    return (
        '<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src 'self';"
        " style-src 'unsafe-inline'\">"
        f"<title>{escape(word('label', 'title', 'vi'))}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_both('label', 'title')}</h1><p>{escape(title)}</p>"
    )


def _problems(report: ValidationReport) -> Iterator[str]:
    for check in report.problems:
        for code in check.reasons:
            yield f"<p>{_reason(code)}</p>"


def _signature(report: ValidationReport, entry: SignatureReport) -> Iterator[str]:
    sub = f" ({escape(entry.sub_indication)})" if entry.sub_indication else ""
    verdict = _both("indication", entry.indication.value)
    yield f"<h2>{escape(entry.field_name)}</h2>"
    yield (
        f'<p class="{_CLASSES[entry.indication]}"><strong>{entry.indication.value}</strong>{sub}'
        f" – {verdict}</p><dl>"
    )
    if entry.signer_subject is not None:
        yield _term(_both("label", "signer"), escape(entry.signer_subject.reveal()))
    yield _term(_both("label", "anchor"), _anchor(entry))
    yield from _time(entry)
    if entry.revision is not None:
        facts = {"revision": entry.revision, "revisions": len(report.revisions) or "?"}
        covers = _both("label", "covers", bytes=entry.covered_bytes or "?", **facts)
        yield f"<dd>{covers}</dd>"
    if entry.shown is not None:
        yield f"<dd>{_both('shown', entry.shown.value)}</dd>"
    yield "</dl>"
    codes = dict.fromkeys(code for check in entry.checks for code in check.reasons)
    if codes:
        yield f"<ul>{''.join(f'<li>{_reason(code)}</li>' for code in codes)}</ul>"
    yield from _criteria(entry)
    yield from _changes(report, entry)


def _anchor(entry: SignatureReport) -> str:
    if entry.anchor_subject is None:
        return _both("label", "no_anchor")
    kind = entry.anchor_kind.value if entry.anchor_kind else "unstated"
    return f"{escape(entry.anchor_subject)}<br>{_both('anchor', kind)}"


def _time(entry: SignatureReport) -> Iterator[str]:
    stamp = entry.timestamp
    if stamp is not None:
        proven = stamp.indication is Indication.TOTAL_PASSED
        label = _both("label", "proven" if proven else "stamped")
        yield _term(label, stamp.time.isoformat())
    elif entry.claimed_time is not None:
        yield _term(_both("label", "claimed"), entry.claimed_time.isoformat())


def _criteria(entry: SignatureReport) -> Iterator[str]:
    heads = "".join(
        f"<th>{_both('label', key)}</th>" for key in ("criterion", "outcome", "rests_on")
    )
    yield f"<table><tr>{heads}</tr>"
    for number, found in enumerate(nine_criteria(entry), start=1):
        why = "".join(f"<br>{_reason(code)}" for code in found.reasons)
        yield (
            f"<tr><td>{number}. {_both('criterion', found.criterion.value)}</td>"
            f"<td>{_both('outcome', found.outcome.value)}{why}</td><td>{escape(found.rests_on)}</td></tr>"
        )
    yield "</table>"


def _changes(report: ValidationReport, entry: SignatureReport) -> Iterator[str]:
    if entry.revision is None:
        return
    yield f"<h3>{_both('label', 'after')}</h3>"
    after = report.changes_after(entry)
    if not after:
        yield f"<p>{_both('label', 'nothing')}</p>"
    for revision in after:
        items = "".join(
            f'<li>{escape(change_in_words(change, "vi"))} <span class="en">'
            f"{escape(change_in_words(change, 'en'))}</span></li>"
            for change in revision.changes
        )
        yield f"<p>{_both('label', 'revision', revision=revision.number)}</p><ul>{items}</ul>"


def _figures(name: str, pair: PagePictures) -> str:
    figures = (("signed", "before"), ("now", "now"))
    return "".join(
        f'<figure><img src="{name}-{which}.png" alt=""><figcaption>'
        f"{_both('label', label, page=pair.page)}</figcaption></figure>"
        for which, label in figures
    )


def _term(term: str, description: str) -> str:
    return f"<dt>{term}</dt><dd>{description}</dd>"


def _both(group: str, key: str, **parts: object) -> str:
    vi, en = (escape(word(group, key, language, **parts)) for language in _LANGUAGES)
    return f'{vi} <span class="en">{en}</span>'


def _reason(code: str) -> str:
    vi, en = (escape(describe_reason(code, language)) for language in _LANGUAGES)
    return f'{vi} <span class="en">{en}</span>'
