"""The published registry of reasons: complete in both languages, and in step with the code."""

from __future__ import annotations

import ast
import fnmatch
import re
import unicodedata

import pytest

from ekyc.outcomes import describe_reason, reason_registry

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_TOPS = ("ekyc", "ocr", "liveness", "signing", "api", "benchmarks")
_COMMONEST_LENGTH = 400
WITHOUT_TEXTS = {
    "policy.*": "settings in the description of the signing process; they are what is wrong, and no codes",
}


def sources(root):
    for top in _TOPS:
        for path in sorted((root / top).rglob("*.py")):
            if not any(
                (root / top / part).is_symlink() for part in path.relative_to(root / top).parts[:1]
            ):
                yield path


@pytest.fixture(scope="module")
def trees(repository_root):
    return {
        str(path.relative_to(repository_root)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sources(repository_root)
    }


@pytest.mark.parametrize("reason", reason_registry().values(), ids=lambda reason: reason.code)
def test_a_reason_is_well_formed_in_both_languages(reason):
    assert _CODE.match(reason.code)
    assert isinstance(reason.retryable, bool)
    for text in (reason.vi, reason.en):
        assert text == text.strip()
        assert 10 < len(text) < _COMMONEST_LENGTH
        assert text.endswith(".")
        assert text == unicodedata.normalize("NFC", text)
    marks = [c for c in unicodedata.normalize("NFD", reason.vi) if unicodedata.combining(c)]
    assert marks or "đ" in reason.vi, "Vietnamese is written with its marks"
    assert reason.vi != reason.en


def reason_literals(tree):
    """Literals given where reasons are given: ``reasons=``, and calls that take codes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in {"reasons", "reason"}:
            yield from constants(node.value)
        if isinstance(node, ast.Call) and called(node) in {"describe_reason", "not_performed"}:
            for argument in node.args[1:] if called(node) == "not_performed" else node.args[:1]:
                yield from constants(argument)


def constants(node):
    """Literals below ``node`` that look like codes; the beginning of an f-string counts as ``beginning*``."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        if isinstance(first, ast.Constant) and re.match(r"[a-z]+\.", str(first.value)):
            yield f"{first.value}*"
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and _CODE.match(node.value):
            yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from constants(child)


def called(call):
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def is_published(code):
    return any(fnmatch.fnmatchcase(published, code) for published in reason_registry())


def test_every_reason_that_the_code_gives_is_published(trees):
    given = {(name, code) for name, tree in trees.items() for code in reason_literals(tree)}

    assert given
    assert sorted(pair for pair in given if not is_published(pair[1])) == []


def error_literals(tree):
    """Literals given where errors are: ``code=``, ``default_code``, and whatever is raised; not what the error is about."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield from constants(keyword.value)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for argument in node.exc.args:
                yield from constants(argument)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            named = node.targets if isinstance(node, ast.Assign) else [node.target]
            if "default_code" in {getattr(one, "id", "") for one in named}:
                yield from constants(node.value)


def test_every_error_of_the_code_has_texts_in_both_languages(trees):
    given = {(name, code) for name, tree in trees.items() for code in error_literals(tree)}
    without = [pair for pair in given if not is_published(pair[1])]
    excused = [
        (pair, pattern)
        for pair in without
        for pattern in WITHOUT_TEXTS
        if fnmatch.fnmatchcase(pair[1], pattern)
    ]

    assert len(given) > len(reason_registry()) / 2
    assert sorted(set(without) - {pair for pair, _ in excused}) == []
    assert {pattern for _, pattern in excused} == set(WITHOUT_TEXTS)


def test_every_code_that_has_a_status_over_http_has_texts(trees):
    listed = set(constants(trees["api/statuses.py"]))

    assert "session.unknown" in listed
    assert sorted(code for code in listed if not is_published(code)) == []


def test_every_published_reason_is_given_somewhere(trees):
    given = {code for tree in trees.values() for code in constants(tree)}

    dead = [
        code
        for code in reason_registry()
        if not any(fnmatch.fnmatchcase(code, pattern) for pattern in given)
    ]
    assert dead == []


def test_descriptions_come_in_the_language_asked_for():
    assert describe_reason("freshness.expired", "vi").startswith("Mã thử thách")
    assert describe_reason("freshness.expired").startswith("The challenge")
