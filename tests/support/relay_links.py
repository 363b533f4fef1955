"""A relay without a network: both sides in one process, and what an attacker between them may do."""

from ekyc.chip.program import run_program
from ekyc.chip.relay import CardWork, RelayClient, RelayMode, RelaySession, RelayState, parse_frame
from ekyc.chip.relay.frames import Hello
from ekyc.values import Redacted

TOKEN = "0123456789abcdef0123"


def begin(plan, card, *, random, clock, limits=None):
    """Client and session, past the greeting."""
    client = RelayClient(Redacted(TOKEN), card)
    hello = parse_frame(client.hello(), Hello)
    return client, RelaySession(plan, hello, random=random, clock=clock, limits=limits)


def relay(session, client, *, handover=None, spoil=lambda text: text):
    """To the end: frames go to and fro, each answer through ``spoil``."""
    pending = list(session.start())
    while pending:
        step = client.receive(pending.pop(0))
        answers = []
        if isinstance(step, CardWork):
            answers = [client.carry_out(step)]
        elif step is not None and step.mode is RelayMode.HYBRID:
            answers = client.hand_over(run_program(handover, client._card))
        for answer in answers:
            pending += session.receive(spoil(answer))
    assert session.state is RelayState.FINISHED
    return session.reading
