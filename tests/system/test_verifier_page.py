"""The verifier page in a real browser: the same verdicts as the library's, offline, under its own policy."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import credential_desk
import pytest
from chromium import Chromium
from credential_desk import BIRTH, DAY, ISSUER, SAMPLES, Registry, ec_signer, reasons, trusted
from result_office import Office, accepted

from ekyc.flows import issue_result
from ekyc.imaging.barcode import read_qr_texts
from ekyc.imaging.document_pages import decode_pages
from ekyc.signing.credentials import (
    Ed25519Signer,
    KeyUse,
    TrustAnchor,
    base45,
    packing,
    read_result,
    schema_of,
)
from ekyc.signing.credentials.page import render_verifier_page
from ekyc.storage import ResultStatus
from ekyc.testing import FixedClock

pytestmark = pytest.mark.system
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Its clock cannot be set, so the desk's follows it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credential_desk, "NOW", NOW)
        running = Chromium(program, tmp_path_factory.mktemp("profile"))
        try:
            yield running
        finally:
            running.close()


@pytest.fixture(scope="module", params=["ES256", "Ed25519"])
def registry(request):
    return Registry(signer=Ed25519Signer.generate() if request.param == "Ed25519" else ec_signer())


@pytest.fixture
def shown(registry, browser, tmp_path):
    """``shown(text, *lists)``: what the page says, and what the library says of the same."""

    def look(text, *lists, anchor=None, linked=False):
        anchor = anchor or registry.anchor()
        page = tmp_path / "verifier.html"
        page.write_text(render_verifier_page(anchor, status_lists=lists), encoding="utf-8")
        found = opened(browser, page, text, linked)
        report = registry.inspect(text, *lists, anchor=anchor, at=NOW)
        said = [code for code in reasons(report) if code != "credential.not_asked"]
        library = "INDETERMINATE" if report.outcome == "NOT_PERFORMED" else report.outcome.value
        assert (found["outcome"], found["reasons"]) == (library, said)
        return found

    return look


READ = """.then(() => ({
    outcome: element("verdict").dataset.outcome,
    reasons: [...document.querySelectorAll("#reasons li")].map((item) => item.dataset.code),
    fields: Object.fromEntries([...document.querySelectorAll("dt")].map(
        (label) => [label.textContent, label.nextElementSibling.textContent])),
    trust: element("trust").textContent,
}))"""


def opened(browser, page, text, linked):
    browser.messages.clear()
    if linked:
        found = browser.open(f"{page.as_uri()}#{quote(text)}", f"linked(){READ}")
    else:
        found = browser.open(page.as_uri(), f"check({json.dumps(text)}){READ}")
    events = [message.get("method") for message in browser.messages]
    assert "Log.entryAdded" not in events  # a breach of its own policy would stand there
    assert "Runtime.exceptionThrown" not in events
    asked = [
        message["params"]["request"]["url"]
        for message in browser.messages
        if message.get("method") == "Network.requestWillBeSent"
    ]
    assert all(address.startswith(("file:", "blob:")) for address in asked), asked
    return found


@pytest.mark.parametrize("procedure", SAMPLES)
def test_a_genuine_result_is_shown_with_its_fields(shown, registry, procedure):
    schema, values = schema_of(procedure), SAMPLES[procedure]
    text = registry.qr(schema=schema, values=values, issued_at=NOW - DAY)
    found = shown(text, registry.statuses(issued_at=NOW - DAY / 4))
    assert found["outcome"] == "PASSED"
    for label, value in schema.describe(values):
        assert found["fields"][label] == value
    assert "Cơ quan đăng ký mẫu" in found["fields"]["Nơi cấp"]
    assert re.match(r"Danh sách tin cậy số 7, đã \d+ ngày", found["trust"])


def test_a_link_may_carry_the_code_behind_its_mark(shown, registry):
    assert shown(registry.qr(), registry.statuses(), linked=True)["outcome"] == "PASSED"


@pytest.mark.parametrize("status", [1, 2, 3])
def test_taken_back(shown, registry, status):
    assert shown(registry.qr(), registry.statuses(status))["outcome"] == "FAILED"


def test_without_a_list_and_with_a_stale_one(shown, registry):
    assert shown(registry.qr())["reasons"] == ["credential.status_not_asked"]
    stale = registry.statuses(issued_at=NOW - 2 * DAY)
    assert shown(registry.qr(), stale)["reasons"] == ["credential.status_stale"]


def test_attacks(shown, registry):
    fresh = registry.statuses()
    text = registry.qr()
    message = packing.unpack(base45.decode(text[6:]), most=8192)
    altered = message.replace("Bích".encode(), "Bách".encode())
    assert altered != message
    other = registry.statuses(uri=f"{ISSUER}/tt/2")
    by_neighbour = registry.statuses(signer=registry.neighbour)
    assert shown("EKYC1:" + base45.encode(packing.pack(altered)), fresh)["outcome"] == "FAILED"
    for attempt in (
        (text[:-1] + ("0" if text[-1] != "0" else "1"), fresh),
        (text[:200], fresh),
        ("EKYC1:" + base45.encode(packing.pack(bytes(1 << 20))), fresh),
        (registry.qr(signer=registry.neighbour), fresh),
        (registry.qr(signer=registry.status_signer), fresh),
        (registry.qr(signer=ec_signer()), fresh),
        (registry.qr(expires_at=NOW - DAY / 24), fresh),
        (registry.qr(issued_at=NOW + DAY), fresh),
        (text, other),
        (text, by_neighbour),
        (text, registry.statuses(size=64, index=3)),
        ("<img src=x onerror=alert(1)>", fresh),
    ):
        assert shown(*attempt)["outcome"] != "PASSED"


def test_a_lost_key(shown, registry):
    keys = (trusted(registry.signer, compromised_at=NOW), *registry.keys()[1:])
    anchor = registry.anchor(keys=keys)
    assert shown(registry.qr(), registry.statuses(), anchor=anchor)["outcome"] == "FAILED"


def test_markup_in_a_field_stays_text(shown, registry):
    values = BIRTH | {"full_name": "<script>alert(1)</script>"}
    found = shown(registry.qr(values=values), registry.statuses())
    assert found["fields"]["Họ, chữ đệm, tên"] == "<script>alert(1)</script>"


def test_a_page_without_the_operators_key_lets_nothing_pass(shown, registry):
    anchor = TrustAnchor(listed=registry.anchor().listed, operator_key=None)
    found = shown(registry.qr(), registry.statuses(), anchor=anchor)
    assert found["outcome"] == "INDETERMINATE"


def test_the_page_refers_to_nothing_outside():
    registry = Registry()
    page = render_verifier_page(registry.anchor(), status_lists=[registry.statuses()])
    outside = re.findall(r"""(?:src|href|action)\s*=\s*["']?[^"'\s>]+|@import|url\(""", page)
    assert outside == []
    assert "fetch(" not in page
    assert "XMLHttpRequest" not in page
    assert "default-src 'none'" in page
    assert {use.value for use in KeyUse} == {"result", "status"}


def test_the_code_on_a_result_pdf(registry, shown, tmp_path):
    """Signed PDF, rendered, scanned; then the page says of the text what the library says."""
    office = Office(tmp_path / "office", registry=registry, clock=FixedClock(NOW))
    pdf = issue_result(accepted(office.clock), office.authority, issuer=office.issuer)
    (page,) = decode_pages(pdf, name="result.pdf")
    (text,) = [text for text in read_qr_texts(page) if text.startswith("EKYC1:")]
    good = office.statuses()
    found = shown(text, good)
    assert found["outcome"] == "PASSED"
    assert found["fields"]["Mã hồ sơ"] == accepted(office.clock).id
    packed = bytearray(base45.decode(text.removeprefix("EKYC1:")))
    packed[-1] ^= 1
    assert shown(f"EKYC1:{base45.encode(bytes(packed))}", good)["outcome"] == "FAILED"
    office.clock.advance(timedelta(hours=-25))
    stale = office.statuses()
    office.clock.advance(timedelta(hours=25))
    assert "credential.status_stale" in shown(text, stale)["reasons"]
    result_id = read_result(text).claimed.id.hex()
    office.storage.issued_results.set_status(result_id, ResultStatus.REVOKED)
    assert "credential.revoked" in shown(text, office.statuses())["reasons"]
    office.pilot.close()
