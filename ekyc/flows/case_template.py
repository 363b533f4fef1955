"""The commented ``case.toml`` that ``ekyc case new DIR`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ekyc.errors import InputError
from ekyc.files import PUBLIC, create_file
from ekyc.flows.case import CASE_FILE

CASE_TEMPLATE: Final = """\
# One case: everything submitted for one verification. Leave out what you do not have;
# what a procedure requires and the case lacks leads to review, never to acceptance.
schema = "ekyc.case/1"

# Procedure profile; `ekyc case profiles` lists them with the checks that each requires.
profile = "identity"

[chip]
# Folder with the files read from the ID card's chip: EF.COM, EF.SOD, EF.DG1, EF.DG2, EF.DG13, EF.DG14, EF.DG15.
folder = "chip"

[chip.active_authentication]
# The chip's answer to the nonce of `ekyc challenge new`; then run `ekyc verify DIR --challenge ID`.
signature = "chip/aa-signature.bin"

# The chip's response to the last command of `ekyc challenge new --dg14 EF.DG14`, which the phone sends as it is.
# [chip.chip_authentication]
# response = "chip/ca-response.bin"

[card]
# Photographs of both sides, at least 900 pixels wide.
front = "card/front.jpg"
back = "card/back.jpg"

[face]
# Five or more different frames of the live camera.
frames = ["face/frame-1.jpg", "face/frame-2.jpg", "face/frame-3.jpg", "face/frame-4.jpg", "face/frame-5.jpg"]

[documents]
# Pages of the original and of the copy to certify, in order; images or PDF files.
original = ["documents/original-1.jpg"]
copy = ["documents/copy-1.jpg"]
"""


def write_case_template(folder: Path) -> Path:
    """Create ``folder`` with a commented ``case.toml`` and the folders that it names.

    Returns:
        The path of the new ``case.toml``.

    Raises:
        InputError: there is a ``case.toml`` already (``case.exists``); it is left as it is.
    """
    target = folder / CASE_FILE
    for name in ("chip", "card", "face", "documents"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    try:
        create_file(target, CASE_TEMPLATE.encode(), mode=PUBLIC)
    except FileExistsError as exc:
        raise InputError(
            "there is a case.toml already; it was left as it is",
            code="case.exists",
            subject=str(folder),
        ) from exc
    return target
