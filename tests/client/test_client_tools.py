"""The tools by the published client: what it sends is what the service takes, and both clients send the same."""

from __future__ import annotations

import asyncio
import inspect

import httpx
import pytest
from told_tools import finding

from ekyc.client import AsyncClient, AsyncTools, InvalidError, Tools
from ekyc.errors import InputError

CALLS = {
    "read_card": ((b"front", b"back"), {}, {"front": b"front", "back": b"back"}),
    "read_document": ((b"1", b"2"), {}, {"pages/0": b"1", "pages/1": b"2"}),
    "compare_copy": (([b"o"], [b"c"]), {}, {"original/0": b"o", "copy/0": b"c"}),
    "compare_faces": ((b"p", b"f"), {}, {"portrait": b"p", "frames/0": b"f"}),
    "compare_faces_with_chip": (
        ({"EF.SOD": b"s", "EF.DG2": b"d"}, b"f"),
        {},
        {"sod": b"s", "dg2": b"d", "frames/0": b"f"},
    ),
    "inspect_liveness": ((b"f", b"g"), {"assurance": "low"}, {"frames/0": b"f", "frames/1": b"g"}),
    "validate_signatures": ((b"%PDF", b"of"), {}, {"file": b"%PDF", "content": b"of"}),
    "verify_result": (("EKYC1:x", b"list"), {}, {"file": b"EKYC1:x", "status_lists/0": b"list"}),
    "verify_presentation": (("a~b",), {"audience": "me", "nonce": "n"}, {}),
}


@pytest.mark.parametrize("method", CALLS)
def test_a_call_reaches_its_tool(client, tools, method):
    given, named, contents = CALLS[method]
    answer = getattr(client.tools, method)(*given, **named)

    assert answer.outcome == "PASSED"
    assert answer.checks[0].score == 0.7
    assert tools.contents == contents
    assert set(answer.files) == set(contents)


def test_texts_arrive_as_they_were_given(client, tools):
    client.tools.inspect_liveness(b"f", assurance="high")
    client.tools.verify_presentation("a~b", audience="me", nonce="n")

    (_, live), (_, presented) = tools.asked
    assert live == {"assurance": "high"}
    assert (presented["shown"].audience, presented["shown"].nonce) == ("me", "n")


def test_a_path_is_read(client, tools, tmp_path):
    (tmp_path / "front.jpg").write_bytes(b"pixels")
    client.tools.read_card(tmp_path / "front.jpg")
    assert tools.contents == {"front": b"pixels"}


def test_the_comparison_comes_as_a_page(client, tools):
    tools.finding = finding(page="<p>khác nhau</p>")
    assert client.tools.copy_report([b"o"], [b"c"]) == "<p>khác nhau</p>"


def test_chip_files_are_inspected(client):
    assert client.tools.inspect_chip({"EF.SOD": b"nonsense"}).outcome == "FAILED"


def test_what_cannot_be_read_is_pointed_at(client, tools):
    tools.error = InputError("no", code="image.wrong_type", subject="frames/1")
    with pytest.raises(InvalidError) as caught:
        client.tools.inspect_liveness(b"f", b"g")
    assert caught.value.code == "image.wrong_type"
    assert [fault.pointer for fault in caught.value.faults] == ["/body/frames/1"]


@pytest.mark.parametrize(
    ("method", "given"),
    [("read_card", ("missing",)), ("compare_faces_with_chip", ({"EF.DG15": b"x"}, b"f"))],
)
def test_what_cannot_be_sent_is_not(client, tools, tmp_path, method, given):
    given = tuple(tmp_path / one if one == "missing" else one for one in given)
    with pytest.raises(InputError) as caught:
        getattr(client.tools, method)(*given)
    assert caught.value.code == "client.file"
    assert tools.asked == []


def test_both_clients_have_the_same_tools():
    for name, method in inspect.getmembers(Tools, inspect.isfunction):
        twin = getattr(AsyncTools, name)
        if name != "__init__":
            assert inspect.signature(twin) == inspect.signature(method)
            assert inspect.iscoroutinefunction(twin)


def test_the_awaited_client_asks_alike(app, tools):
    async def conversation():
        async with (
            app.router.lifespan_context(app),
            AsyncClient("http://localhost", transport=httpx.ASGITransport(app=app)) as client,
        ):
            for method, (given, named, _) in CALLS.items():
                answer = await getattr(client.tools, method)(*given, **named)
                assert answer.outcome == "PASSED"
            tools.finding = finding(page="<p></p>")
            assert await client.tools.copy_report([b"o"], [b"c"]) == "<p></p>"
            assert (await client.tools.inspect_chip({"EF.SOD": b"x"})).outcome == "FAILED"

    asyncio.run(conversation())
    assert len(tools.asked) == len(CALLS) + 1


def test_what_was_submitted_is_compared_where_it_is_kept(tmp_path, vaulted):
    async def conversation():
        async with (
            vaulted.router.lifespan_context(vaulted),
            AsyncClient("http://localhost", transport=httpx.ASGITransport(app=vaulted)) as client,
        ):
            session = await client.create_session(procedure="identity")
            folder = tmp_path / "case"
            (folder / "copy").mkdir(parents=True)
            (folder / "case.toml").write_text('schema = "ekyc.case/1"\nprofile = "identity"\n')
            (folder / "copy" / "1.jpg").write_bytes(b"a page")
            await client.submit(session.id, folder, wait_s=20)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=vaulted), base_url="http://localhost"
            ) as http:
                kept = (await http.get(f"/v1/sessions/{session.id}/artefacts")).json()["data"]
            [page] = [one["id"] for one in kept if one["kind"] == "copy"]
            made = await client.compare(session.id, "copy", [page], [page])
            return made, await client.comparisons(session.id)

    made, found = asyncio.run(conversation())
    assert (made.kind, made.outcome, made.checks[0].score) == ("copy", "PASSED", 0.7)
    assert found == (made,)
