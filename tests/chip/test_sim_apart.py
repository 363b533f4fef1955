"""The reader knows nothing of the simulated card. (The other direction is a contract of import-linter.)"""

import ast


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_the_reader_imports_nothing_of_the_card(repository_root):
    chip = repository_root / "ekyc" / "chip"
    readers = [path for path in chip.rglob("*.py") if chip / "sim" not in path.parents]
    assert len(readers) > 50
    found = {
        (path.name, module)
        for path in readers
        for module in imported_by(path)
        if module and module.startswith("ekyc.chip.sim")
    }
    assert not found
