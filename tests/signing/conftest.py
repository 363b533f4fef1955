"""An authority whose keys cost little to open, and documents it signed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from io import BytesIO

import pytest
from reportlab.pdfgen.canvas import Canvas

from ekyc.outcomes import Check, Outcome
from ekyc.signing import (
    DerivationCost,
    EmbeddedAuthority,
    ResultDocument,
    render_result_pdf,
    sign_pdf,
)

PASSPHRASE = "mật khẩu của kho khoá"
CHEAP = DerivationCost(iterations=1, lanes=1, memory_kib=8)


@pytest.fixture(scope="session")
def authority(tmp_path_factory) -> EmbeddedAuthority:
    return EmbeddedAuthority.create(tmp_path_factory.mktemp("authority"), PASSPHRASE, cost=CHEAP)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory) -> EmbeddedAuthority:
    """Another authority, with the same names and other keys."""
    return EmbeddedAuthority.create(tmp_path_factory.mktemp("stranger"), PASSPHRASE, cost=CHEAP)


def make_pdf(*pages: str) -> bytes:
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    for text in pages or ("Nội dung",):
        canvas.drawString(72, 700, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@pytest.fixture(scope="session")
def plain_pdf() -> bytes:
    return make_pdf("one page")


@pytest.fixture(scope="session")
def signed_pdf(plain_pdf, authority) -> bytes:
    return sign_pdf(plain_pdf, authority)


@pytest.fixture(scope="session")
def result_document() -> ResultDocument:
    return ResultDocument(
        record_id="0193b7a2-6f41-7c3e-9d11-6a2f0c7e8b55",
        profile_title_vi="Trình diễn trên công dân mẫu",
        profile_title_en="Demonstration on a sample citizen",
        issued_at=datetime(2026, 1, 15, 1, 2, 3, tzinfo=UTC),
        verdict="accept",
        checks=(
            Check(id="chip.signature", outcome=Outcome.PASSED),
            Check(
                id="signature.trust",
                outcome=Outcome.INDETERMINATE,
                reasons=("signature.no_anchor",),
            ),
        ),
        required=("chip.signature",),
        case_digest=hashlib.sha256(b"case").hexdigest(),
        report_digest=hashlib.sha256(b"report").hexdigest(),
        sample=True,
    )


@pytest.fixture(scope="session")
def signed_result(result_document, authority) -> bytes:
    return sign_pdf(render_result_pdf(result_document), authority, document=result_document)
