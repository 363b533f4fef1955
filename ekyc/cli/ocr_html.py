"""A self-contained page that shows a comparison: each difference cut from original and copy, side by side."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING

from ekyc.imaging.encode import encode_jpeg
from ekyc.imaging.text_regions import cut_line
from ekyc.outcomes import describe_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ekyc.ocr import CopyDifference, DocumentComparison
    from ekyc.values import BgrImage, QuadPx

_MARGIN = (0.3, 0.4)
_MAX_SHOWN = 60

_PAGE = """<!doctype html>
<html lang="vi"><meta charset="utf-8"><title>Bản chính và bản sao</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; border: 1px solid #bbb; display: block; margin: .2rem 0; }}
figure {{ margin: 1.5rem 0; }} .CONFIRMED {{ color: #a00; }} .UNCLEAR {{ color: #850; }}
</style>
<h1>{outcome}</h1>
<ul>{reasons}</ul>
{differences}
<p>{note}</p>
</html>
"""


def comparison_page(
    comparison: DocumentComparison,
    originals: Sequence[BgrImage],
    copies: Sequence[BgrImage],
) -> str:
    """The page as HTML. It holds pictures and text of the papers: personal data."""
    check = comparison.checks[0]
    reasons = "".join(
        f"<li>{escape(describe_reason(code, 'vi'))}<br><small>{escape(describe_reason(code))}</small></li>"
        for code in check.reasons
    )
    shown = [
        _figure(item, comparison, originals, copies) for item in comparison.differences[:_MAX_SHOWN]
    ]
    return _PAGE.format(
        outcome=check.outcome.value,
        reasons=reasons,
        differences="\n".join(shown),
        note="Kết quả chỉ hỗ trợ; cán bộ quyết định. / This prepares a decision; an officer makes it.",
    )


def _figure(
    item: CopyDifference,
    comparison: DocumentComparison,
    originals: Sequence[BgrImage],
    copies: Sequence[BgrImage],
) -> str:
    registration = comparison.pages[item.page].registration
    if registration is None:
        return ""
    kind = item.kind.value if item.kind else "picture"
    caption = f"{item.status.value}: {kind}, {item.page + 1}"
    if item.kind:
        caption += f": “{item.original.reveal()}” → “{item.copy.reveal()}”"
    return (
        f'<figure><figcaption class="{item.status.value}">{escape(caption)}</figcaption>'
        f"{_picture(originals[item.page], item.quad)}"
        f"{_picture(copies[item.page], registration.quad_to_copy(item.quad))}</figure>"
    )


def _picture(page: BgrImage, quad: QuadPx) -> str:
    data = base64.b64encode(encode_jpeg(cut_line(page, quad, margin=_MARGIN))).decode("ascii")
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
