"""Write a report for each of twenty planted changes and an honest copy: ``python scripts/planted_changes.py FOLDER [NAME...]``.

An officer must see within seconds what is wrong, so somebody has to look at them whenever the report changes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ekyc.benchmarks.copy_examples import EXAMPLES
from ekyc.inference import Engine
from ekyc.ocr import compare_copy
from ekyc.ocr.copy_report import comparison_page
from ekyc.ocr.engines import READING_MODELS, open_reader


def main() -> None:
    """Compare and write."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    with Engine.open(ids=READING_MODELS) as engine:
        reader = open_reader(engine)
        for example in EXAMPLES:
            if names and example.name not in names:
                continue
            originals, copies = example.pages()
            comparison = compare_copy(originals, copies, reader)
            report = comparison_page(comparison, copies)
            (folder / f"{example.name}.html").write_text(report, encoding="utf-8")
            check = comparison.checks[0]
            sys.stdout.write(f"{example.name}: {check.outcome} {', '.join(check.reasons)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
