"""What a phone does with a sample chip for chip authentication in one round trip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ekyc.chip import ChipAuthRequest, MrzKey, run_program
from ekyc.chip.apdu import status_error
from ekyc.chip.bac import establish_bac
from ekyc.chip.file_reading import FileReader
from ekyc.chip.program import PlainChannel
from ekyc.chip.sim import CardSimulator
from ekyc.ports import Random, SystemRandom

if TYPE_CHECKING:
    from ekyc.chip.sim import SimulatedCard

AskVerifier = Callable[[bytes], ChipAuthRequest]
"""Hands EF.DG14 to the verifier and brings back what the chip is to be sent."""


def answer_chip_authentication(
    card: SimulatedCard, request: ChipAuthRequest, *, random: Random | None = None
) -> bytes:
    """Open the chip, send what the verifier asked for, and return its last response with the status word.

    Raises:
        ChipError: the chip refuses the agreement.
    """
    random = random or SystemRandom()
    chip = CardSimulator(card, random=random)
    run_program(FileReader(PlainChannel()).select_application(), chip)
    session = run_program(establish_bac(MrzKey(*card.mrz_key), random=random), chip)
    for command in request.agreement_commands:
        response = run_program(session.send(command), chip)
        if not response.ok:
            raise status_error(response.sw, "chip authentication was refused")
    return chip.transceive(request.first_command.encode())
