"""Makes material for suites with generators that lie beside the project, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BESIDE: Final = Path(__file__).resolve().parents[2]
GENERATORS: Final[Mapping[str, Path]] = {"ocr": _BESIDE / "shared/data/ocr/gen.py"}
_TIMEOUT_S: Final = 3600.0


def generate(
    name: str,
    out: Path,
    *,
    seed: int,
    lines: int,
    papers: int,
    generator: Path | None = None,
) -> None:
    """Write ``lines.jsonl``, ``docs.jsonl`` and their pictures into ``out``.

    Nothing is installed; the fonts that it needs come with ``make bench-data``.

    Args:
        name: ``"ocr"``.
        out: folder, made if it is missing.
        seed: of everything drawn at random. 20261121 is the published benchmark.
        lines: number of lines.
        papers: number of papers and cards.
        generator: the generator's script; the one beside the project if None.

    Raises:
        InputError: unknown name, or there is no generator (codes ``bench.unknown``, ``bench.no_generator``).
        UpstreamError: the generator failed or took longer than an hour (code ``bench.generator_failed``).
    """
    if name not in GENERATORS:
        raise InputError(
            f"known generators: {', '.join(GENERATORS)}", code="bench.unknown", subject=name
        )
    script = generator or GENERATORS[name]
    if not script.is_file():
        raise InputError(
            "no generator lies beside the project; name one with --generator",
            code="bench.no_generator",
            subject=name,
        )
    counts = ("--seed", str(seed), "--lines", str(lines), "--docs", str(papers))
    try:
        done = subprocess.run(  # noqa: S603  # a script that the caller or the project names
            [sys.executable, str(script), str(out), *counts],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise UpstreamError(
            "did not end within an hour", code="bench.generator_failed", subject=name
        ) from exc
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise UpstreamError(
            f"{last[0][:300]} (its fonts come with: make bench-data)",
            code="bench.generator_failed",
            subject=name,
        )
