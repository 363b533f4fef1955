"""Every operation of the OpenAPI document has a method in both clients, or stands below with the reason why not.

Each method is called once with values of its hints; what counts is the first thing that it sends.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from ekyc.client import ApiError, AsyncClient, Client, RetryPolicy

WITHOUT_A_METHOD = {
    "oauth2_token": "of OAuth: any of its libraries asks for a token, and `key` takes it",
    "oauth2_metadata": "of OAuth, as above",
    "oauth2_keys": "of OAuth, as above",
    "list_login_providers": "a person in a browser",
    "begin_login": "a person in a browser",
    "finish_login": "a person in a browser",
    "get_login_session": "a person in a browser",
    "logout": "a person in a browser",
    "livez": "probes of whoever runs the service",
    "readyz": "probes of whoever runs the service",
    "get_status_list": "for verifiers, who have no client of ours: ekyc.signing.credentials reads it",
    "get_trust_list": "for verifiers, as above",
    "get_verifier_page": "a page for browsers",
    "begin_liveness_session": "the camera's side, in its browser or application (docs/liveness.md)",
    "send_liveness_chunk": "the camera's side, as above",
    "finish_liveness_session": "the camera's side, as above",
    "stream_events": "an open stream: `settled` and webhooks tell the same",
    "get_batch_results": "the same as `batches.items`, as one file for `ekyc batch results`",
    "create_verification": "takes no key: its answer cannot be asked for again; `submit` to a session does the same",
}


@pytest.fixture(scope="module")
def described(repository_root):
    """Operation → method and pattern of its path."""
    paths = json.loads((repository_root / "docs/openapi.json").read_text("utf-8"))["paths"]
    return {
        told["operationId"]: (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z"))
        for path, methods in paths.items()
        for method, told in methods.items()
    }


@pytest.fixture
def give(case, tmp_path):
    """``give(hint)``: a value of a type."""
    (tmp_path / "file").write_bytes(b"x")

    def value(hint):
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if hint is Path:
            return case
        if origin in {tuple, Sequence}:
            return (value(inner[0]),)
        if origin is Mapping:
            return {"EF.SOD": value(inner[1])}
        if inner:  # a union
            return None if type(None) in inner else b"x"
        if dataclasses.is_dataclass(hint):
            hints = typing.get_type_hints(hint)
            return hint(**{one.name: value(hints[one.name]) for one in dataclasses.fields(hint)})
        return {int: 1, str: "x", bytes: b"x", bool: True}.get(hint, {})

    return value


def methods_of(client):
    """All public methods of a client and of its groups, by name."""
    found = {}
    for group, holder in [("", client), *vars(client).items()]:
        if group.startswith("_") or type(holder).__module__.partition(".")[0] != "ekyc":
            continue
        for name, method in inspect.getmembers(holder, inspect.ismethod):
            if name[0] != "_" and name not in {"close", "aclose"}:
                found[f"{group}.{name}".lstrip(".")] = method
    return found


def arguments_of(method, give):
    hints = typing.get_type_hints(method)
    needed = [
        one
        for one in inspect.signature(method).parameters.values()
        if one.default is one.empty and one.kind is not one.VAR_KEYWORD
    ]
    by_name = {one.name: give(hints[one.name]) for one in needed if one.kind is one.KEYWORD_ONLY}
    in_order = [
        item
        for one in needed
        if one.kind is not one.KEYWORD_ONLY
        for item in ([b"x"] if one.kind is one.VAR_POSITIONAL else [give(hints[one.name])])
    ]
    return in_order, by_name


class Asked:
    """Refuses everything, but the token that leads on, and remembers what was asked."""

    def __init__(self):
        self.of = []

    def __call__(self, request):
        self.of.append((request.method, request.url.path))
        if request.url.path.endswith("/export-tokens"):
            return httpx.Response(201, json={"token": "x"})
        return httpx.Response(400, json={"code": "request.invalid", "title": "no"})


def called_by(client, give):
    """Method → what it sends."""
    told = {}
    for name, method in methods_of(client).items():
        asked = Asked()
        with Client(
            "http://localhost",
            transport=httpx.MockTransport(asked),
            retries=RetryPolicy(attempts=1),
        ) as one:
            in_order, by_name = arguments_of(method, give)
            with pytest.raises(ApiError):
                first_of(methods_of(one)[name], in_order, by_name)
        told[name] = asked.of
    return told


def first_of(method, in_order, by_name):
    """What a method answers; of what it goes through, the first."""
    answer = method(*in_order, **by_name)
    return next(answer) if inspect.isgenerator(answer) else answer


def awaited_by(give):
    """As above, of the client that is awaited."""

    async def converse():
        told = {}
        async with AsyncClient("http://localhost") as pattern:
            names = methods_of(pattern)
        for name, method in names.items():
            asked = Asked()
            async with AsyncClient(
                "http://localhost",
                transport=httpx.MockTransport(asked),
                retries=RetryPolicy(attempts=1),
            ) as one:
                in_order, by_name = arguments_of(method, give)
                answer = methods_of(one)[name](*in_order, **by_name)
                with pytest.raises(ApiError):
                    await (answer if inspect.isawaitable(answer) else anext(aiter(answer)))
            told[name] = asked.of
        return told

    return asyncio.run(converse())


def test_every_operation_has_a_method_or_a_reason_why_not(described, give):
    with Client("http://localhost") as client:
        told = called_by(client, give)
    asked = {one for sent in told.values() for one in sent}
    reached = {
        operation
        for operation, (method, pattern) in described.items()
        if any(method == sent and pattern.match(path) for sent, path in asked)
    }
    assert {name for name, sent in told.items() if not sent} == set()
    assert set(described) - reached == set(WITHOUT_A_METHOD)


def test_the_awaited_client_sends_the_same(give):
    with Client("http://localhost") as client:
        assert awaited_by(give) == called_by(client, give)
