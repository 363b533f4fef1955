"""Drive one fuzz target with atheris: ``python tests/fuzz/run.py dg13 -runs=1000000``.

Needs ``pip install --require-hashes -r tests/fuzz/requirements.txt`` in the environment of the project; further options
go to libFuzzer. A run starts from the seeds and from ``tests/fuzz/corpus/TARGET.hex``; inputs that reach new code gather
in ``.cache/fuzz/TARGET``, one that breaks a promise is written to the working folder as ``crash-…``.

``python tests/fuzz/run.py keep`` writes the smallest of the gathered inputs that still reach everything back into the
corpus files.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_GATHERED = _HERE.parents[1] / ".cache" / "fuzz"
sys.path[:0] = [str(_HERE.parent / "support")]

_LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"]
"""An input that takes ten seconds or a gigabyte is a find like any other."""
_LONGEST_KEPT = 2048


def main() -> None:
    """Fuzz the target that the first argument names, or keep what was found."""
    if sys.argv[1:] == ["keep"]:
        for folder in sorted(_GATHERED.iterdir()):
            _keep(folder)
        return
    atheris = importlib.import_module("atheris")  # optional: outside the lock
    with atheris.instrument_imports(include=["ekyc"]):
        targets = importlib.import_module("fuzz_targets")
    name, *options = sys.argv[1:]
    folders = [option for option in options if not option.startswith("-")]
    if not folders:
        folders = [str(_prepared(name, (*targets.seeds()[name], *targets.corpus(name))))]
    flags = [option for option in options if option.startswith("-")]
    atheris.Setup([sys.argv[0], *_LIMITS, *flags, *folders], targets.TARGETS[name])
    atheris.Fuzz()


def _prepared(name: str, inputs: tuple[bytes, ...]) -> Path:
    folder = _GATHERED / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (folder / f"start-{number}").write_bytes(data)
    return folder


def _keep(gathered: Path) -> None:
    """Reduce by libFuzzer's set cover, in a process of its own, and write the result as lines."""
    if gathered.suffix:
        return
    reduced = gathered.with_suffix(".reduced")
    shutil.rmtree(reduced, ignore_errors=True)
    reduced.mkdir()
    command = [sys.executable, __file__, gathered.name, "-set_cover_merge=1"]
    subprocess.run([*command, str(reduced), str(gathered)], check=True)
    kept = sorted(path.read_bytes() for path in reduced.iterdir())
    lines = "".join(f"{data.hex()}\n" for data in kept if 0 < len(data) <= _LONGEST_KEPT)
    (_HERE / "corpus").mkdir(exist_ok=True)
    (_HERE / "corpus" / f"{gathered.name}.hex").write_text(lines, encoding="ascii")


if __name__ == "__main__":
    main()
