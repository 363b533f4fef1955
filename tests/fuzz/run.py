"""Drive one fuzz target with atheris: ``python tests/fuzz/run.py dg13 -runs=1000000``.

Needs ``pip install --require-hashes -r tests/fuzz/requirements.txt`` in the environment of the project; further options
go to libFuzzer. New inputs that reach new code are kept in ``.cache/fuzz/TARGET``, an input that breaks a promise in
the working folder as ``crash-…``; both start from the seeds and from ``tests/fuzz/corpus/TARGET``. Reduce what was
found with ``-merge=1 tests/fuzz/corpus/TARGET .cache/fuzz/TARGET``.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parent / "support")]

_LIMITS = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"]
"""An input that takes ten seconds or a gigabyte is a find like any other."""


def main() -> None:
    """Fuzz the target that the first argument names."""
    atheris = importlib.import_module("atheris")  # optional: outside the lock
    with atheris.instrument_imports(include=["ekyc"]):
        targets = importlib.import_module("fuzz_targets")
    name, *options = sys.argv[1:]
    found = _HERE.parents[1] / ".cache" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(targets.seeds()[name]):
        (found / f"seed-{number}").write_bytes(seed)
    folders = [str(found), *(str(path) for path in [_HERE / "corpus" / name] if path.is_dir())]
    atheris.Setup([sys.argv[0], *_LIMITS, *options, *folders], targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
