"""Every spoiled case is met by a typed error that names the file, or by a check that did not pass."""

import shutil
from dataclasses import replace

import pytest
from malformed import MALFORMED

from ekyc.errors import EkycError
from ekyc.flows import load_case
from ekyc.policy import Verdict

pytestmark = pytest.mark.models

CHIP_ONLY = {
    "card_front": None,
    "card_back": None,
    "face_frames": (),
    "original_pages": (),
    "copy_pages": (),
}


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_spoiled(name, honest, tmp_path):
    entry = MALFORMED[name]
    folder = tmp_path / "case"
    shutil.copytree(honest.folder, folder)
    entry.spoil(folder)

    def verify():
        case = load_case(folder)
        if entry.check.startswith("chip."):
            case = replace(case, **CHIP_ONLY)
        return honest.verifier.verify(case)

    if entry.error:
        with pytest.raises(EkycError) as caught:
            verify()
        assert caught.value.code == entry.error
        assert entry.subject in str(caught.value.subject)
        return
    result = verify()
    (check,) = [check for check in result.checks if check.id == entry.check]
    assert check.outcome in entry.outcomes
    assert result.decision.verdict is not Verdict.ACCEPT
