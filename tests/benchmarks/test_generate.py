"""Generators run in their own process; what goes wrong there is a typed error here."""

from pathlib import Path

import pytest

from ekyc.benchmarks.generate import generate
from ekyc.errors import EkycError

SIZE = {"seed": 7, "lines": 2, "papers": 1}


def test_the_generator_is_told_what_to_make(tmp_path):
    script = tmp_path / "gen.py"
    script.write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:]))"
    )
    generate("ocr", tmp_path / "out", **SIZE, generator=script)
    assert (tmp_path / "out").read_text() == "--seed 7 --lines 2 --docs 1"


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("faces", "", "bench.unknown"),
        ("ocr", None, "bench.no_generator"),
        ("ocr", "raise SystemExit('no such font')", "bench.generator_failed"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path, name, body, code):
    script = tmp_path / "gen.py"
    if body is not None:
        script.write_text(body)
    with pytest.raises(EkycError) as caught:
        generate(name, tmp_path / "out", **SIZE, generator=script)
    assert caught.value.code == code


FONTS = [
    Path("/usr/share/fonts/truetype", folder)
    for folder in ("croscore", "dejavu", "freefont", "noto", "open-sans", "roboto")
]


@pytest.mark.skipif(
    not all(folder.is_dir() for folder in FONTS), reason="its fonts are missing: make bench-data"
)
@pytest.mark.shared_data
def test_the_benchmarks_own_generator_makes_lines_and_papers(shared_data, tmp_path):
    script = shared_data / "ocr" / "gen.py"
    generate("ocr", tmp_path / "out", **SIZE, generator=script)
    assert len((tmp_path / "out/lines.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    assert len(list((tmp_path / "out/docs").iterdir())) == 1
