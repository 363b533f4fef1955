"""docs/security.md: every line of a threat is held by a test, and the test is there."""

from __future__ import annotations

import re

import pytest

TEST = re.compile(r"`((?:tests/)?[\w./-]*test_\w+\.py|tests(?:/\w+)+)`")
CODE = re.compile(r"`([a-z_]+(?:\.[a-z_0-9]+)+)`")
DEMO = re.compile(r"demo `([\w-]+)`")


@pytest.fixture(scope="module")
def threats(repository_root):
    """Lines of tables whose last column is their test, as cells."""
    found, is_table = [], False
    for line in (repository_root / "docs" / "security.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            is_table = False
        elif cells[-1] == "test" or cells[-1].endswith("test |"):
            is_table = True
        elif is_table and not set(line) <= set("|-: "):
            found.append(cells)
    return found


def held_by(cells):
    """Paths of the tests that a line names; a bare name lies beside the one before it."""
    folder, paths = "", []
    for name in TEST.findall(cells[-1]):
        if name.startswith("tests"):
            folder = name.rpartition("/")[0] if name.endswith(".py") else name
            paths.append(name)
        else:
            paths.append(f"{folder}/{name}")
    return paths


def test_every_threat_names_a_test_that_is_there(threats, repository_root):
    assert len(threats) > 80
    unheld = [cells[0] for cells in threats if not held_by(cells) and not DEMO.search(cells[-1])]
    assert unheld == []
    named = {path for cells in threats for path in held_by(cells)}
    assert sorted(one for one in named if not (repository_root / one).exists()) == []


def test_what_is_seen_is_looked_for_by_a_test_of_its_line(threats, repository_root):
    """A code that a line promises stands in a test that the line names, as it is or as the constant called so."""
    missing = []
    for cells in threats:
        text = "".join(texts(repository_root / path) for path in held_by(cells)).lower()
        codes = [code for code in CODE.findall(cells[-2]) if not code.endswith((".md", ".py"))]
        if held_by(cells) and not DEMO.search(cells[-1]):
            missing += [code for code in codes if code.rpartition(".")[2] not in text]

    assert missing == []


def texts(path):
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return "".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize("letter", "STRIDE")
def test_callers_are_thought_of_in_all_six_ways(threats, letter):
    assert any(cells[0].startswith(f"**{letter}** ") for cells in threats)
