"""docs/*.md, README and CONTRIBUTING name only what is there: files, headings, commands, options, operations, codes."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("ocr/data/*.md")],
    key=lambda path: path.relative_to(ROOT),
)
FENCE = re.compile(r"^```(?P<language>\S*)\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FOLDERS = "api|benchmarks|deploy|docs|ekyc|liveness|ocr|scripts|signing|tests"
PATH = re.compile(rf"(?:{FOLDERS})/[\w./*-]+\Z")
DOTTED = re.compile(r"ekyc(?:\.\w+)+\Z")
METHODS = r"(?:GET|POST|PATCH|DELETE|PUT)"
OPERATION = re.compile(rf"\b(?P<methods>{METHODS}(?:, {METHODS})*) (?P<path>/\S+)")
NOT_DESCRIBED = re.compile(r"…|^/csc/|^/metrics|^/ekyc")
"""Beginnings of several, and addresses that OpenAPI is not for."""
PARAMETER = re.compile(r"\{[^}]*\}")
NO_MODULES = {"ekyc.batches", "ekyc.tools"}  # of a client that examples call `ekyc`
NO_NAMES = {"env", "sqlite3"}  # ekyc.env, ekyc.sqlite3: files
FREE_SETTINGS = {"EKYC_S3_ACCESS", "EKYC_S3_SECRET"}  # whatever the file that names them says
NO_COMMANDS = {"ekyc evidence log export 1"}  # first line of a file


def documents(*, without: tuple[str, ...] = ()):
    return pytest.mark.parametrize(
        "document",
        [path for path in DOCUMENTS if path.name not in without],
        ids=lambda path: path.relative_to(ROOT).as_posix(),
    )


def prose(document: Path) -> str:
    return FENCE.sub("", document.read_text("utf-8"))


def words(document: Path):
    return (word for code in INLINE.findall(prose(document)) for word in code.split())


def anchors(document: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(prose(document))}


def anchor(heading: str) -> str:
    """As the usual forges make it of a heading."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")


@documents()
def test_every_link_leads_somewhere(document):
    lost = []
    for target in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        there = document.parent / name if name else document
        if not there.exists() or (fragment and fragment not in anchors(there)):
            lost.append(target)

    assert lost == []


@documents(without=("CHANGELOG.md",))
def test_every_path_is_there(document):
    named = {word.rstrip(":,;") for word in words(document)}

    assert sorted(n for n in named if PATH.match(n) and not any(ROOT.glob(n.rstrip("/")))) == []


@documents(without=("CHANGELOG.md",))
def test_every_name_of_the_library_is_there(document):
    named = {word.partition("(")[0] for word in words(document)}
    lost = []
    for name in sorted(filter(DOTTED.match, named)):
        if name in NO_MODULES or name.rpartition(".")[2] in NO_NAMES:
            continue
        try:
            resolved(name)
        except (ImportError, AttributeError):
            lost.append(name)

    assert lost == []


def resolved(name: str):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ImportError(name)


@pytest.fixture(scope="module")
def command_line():
    from ekyc.cli.__main__ import app

    return typer.main.get_command(app)


def command_lines(document: Path):
    """What begins with ``ekyc`` in blocks for a shell and between backquotes."""
    text = document.read_text("utf-8")
    for match in FENCE.finditer(text):
        if match["language"] in {"", "sh", "console"}:
            joined = re.sub(r"\\\n\s*", " ", match["text"])
            for line in joined.splitlines():
                for part in re.split(r"&&|\||;", line.partition(" #")[0]):
                    found = re.match(r"\s*(?:\$ |[A-Z_]+=\S+ )?(ekyc .*)", part)
                    if found:
                        yield found[1]
    # an indented block; the README's tables and every text between backquotes
    for line in re.findall(r"^    (ekyc .*)$", FENCE.sub("", text), re.MULTILINE):
        yield line
    for code in INLINE.findall(FENCE.sub("", text)):
        if code.startswith("ekyc "):
            yield code


@documents(without=("CHANGELOG.md",))
def test_every_command_and_option_exists(document, command_line):
    lines = set(command_lines(document)) - NO_COMMANDS
    wrong = sorted(line for line in lines if not is_known(line, command_line))

    assert wrong == []


def is_known(line: str, command) -> bool:
    try:
        found = shlex.split(line.replace("'", '"') if line.count("'") % 2 else line)[1:]
    except ValueError:
        found = line.split()[1:]
    while found and hasattr(command, "commands"):
        names = re.split(r"[|]", found[0].rstrip("&"))
        if found[0].startswith("-") or found[0] in {"…", "..."}:
            break
        if not all(name in command.commands for name in names):
            return False
        command, found = command.commands[names[0]], found[1:]
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    options |= {"--help"}
    asked = {word.partition("=")[0].strip("[]") for word in found if word.startswith(("--", "[--"))}
    return {one for word in asked for one in word.split("|")} <= options


@pytest.fixture(scope="module")
def operations():
    described = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    return {
        (method.upper(), PARAMETER.sub("{}", path))
        for path, methods in described["paths"].items()
        for method in methods
    }


@documents(without=("CHANGELOG.md",))
def test_every_operation_exists(document, operations):
    wrong = []
    for match in OPERATION.finditer(prose(document)):
        asked = {one for one in each_of(match) if not NOT_DESCRIBED.search(one[1])}
        wrong += [match[0]] if asked - operations else []

    assert wrong == []


def test_api_md_lists_every_operation(operations):
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    [section] = re.findall(r"^## Operations$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    listed = {one for match in OPERATION.finditer(section) for one in each_of(match)}

    assert listed == operations


def each_of(match: re.Match[str]) -> set[tuple[str, str]]:
    path = PARAMETER.sub("{}", match["path"].partition("?")[0].rstrip("`.,:;)"))
    return {(method, path) for method in match["methods"].split(", ")}


@documents()
def test_no_line_of_a_table_stands_twice(document):
    for table in re.findall(r"(?:^\|.*\n)+", document.read_text("utf-8"), re.MULTILINE):
        lines = table.splitlines()
        assert len(lines) == len(set(lines))


@documents()
def test_programs_in_python_can_be_read(document):
    for match in FENCE.finditer(document.read_text("utf-8")):
        if match["language"] == "python":
            ast.parse(match["text"])


@documents()
def test_settings_of_the_environment_exist(document):
    code = "".join(
        path.read_text("utf-8")
        for folder in (
            "ekyc",
            "api",
            "benchmarks",
            "liveness",
            "ocr",
            "signing",
            "tests",
            "scripts",
        )
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".toml", ""} and path.is_file()
    )
    named = (
        set(re.findall(r"\bEKYC_[A-Z0-9_]+\b(?!…)", document.read_text("utf-8"))) - FREE_SETTINGS
    )

    assert sorted(name for name in named if not re.search(rf"\b{name}\b", code)) == []


def test_the_drawing_of_the_layers_is_what_the_linter_keeps():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    [drawn] = re.findall(
        r"^## Imports run downwards\n+```\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    [kept] = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]

    assert drawn.splitlines() == kept


def test_every_room_is_told_of():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {
        path.stem for path in (ROOT / "ekyc").iterdir() if path.suffix == ".py" or is_room(path)
    }
    told = set(re.findall(r"^\| `ekyc\.(\w+)`", text, re.MULTILINE))
    told |= set(
        re.findall(r"`(\w+)`", re.findall(r"^\| `ekyc\.errors`(.*)$", text, re.MULTILINE)[0])
    )

    assert rooms - told == {"__init__"}


def is_room(path: Path) -> bool:
    return (path / "__init__.py").exists()
