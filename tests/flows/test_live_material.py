"""Which frames of a session are examined: never another person's than the one that is compared."""

import numpy as np
import pytest

from ekyc.benchmarks.pad_attacks import session_of
from ekyc.flows.live_material import straight_frames
from ekyc.liveness.active import PromptKind, ReplyKind, best_frame
from ekyc.liveness.active.simulated_client import (
    EMBEDDING,
    NumbersObserver,
    SimulatedClient,
    unit,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::ekyc.liveness.active.simulated_client.InsecureSimulationWarning"
)


def answered(seed, share_of_another):
    """A session in which some of the frames that look straight show somebody else."""
    client = SimulatedClient(seed)
    person = client.person
    own, another = person.identity, unit(np.random.default_rng(99).normal(size=EMBEDDING))
    count = [0]

    def frame(at_s, prompt):
        count[0] += prompt.kind is PromptKind.LOOK_STRAIGHT
        mixed = prompt.kind is PromptKind.LOOK_STRAIGHT and count[0] % 10 < 10 * share_of_another
        person.identity = another if mixed else own
        return person.frame(at_s)

    client.frame = frame
    session = client.run(session_of(seed), NumbersObserver())
    assert session.ended is ReplyKind.DONE
    return session


def people_in(session, digests):
    compared = np.array(best_frame(session).seen.face.embedding)
    return [
        float(np.array(frame.seen.face.embedding) @ compared)
        for frame in session.frames
        if frame.digest in digests
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("most", [5, 12])
def test_frames_of_somebody_else_are_not_examined_in_place_of_the_compared_one(seed, most):
    session = answered(seed, 0.4)
    chosen = straight_frames(session, most)
    assert best_frame(session).digest in chosen
    assert 2 <= len(chosen) <= most
    assert min(people_in(session, chosen)) > 0.5


@pytest.mark.parametrize("most", [5, 12])
def test_of_one_person_as_many_as_are_wanted_are_examined(most):
    session = answered(0, 0.0)
    chosen = straight_frames(session, most)
    assert len(chosen) == most
    straight = {p.index for p in session.plan.prompts if p.kind is PromptKind.LOOK_STRAIGHT}
    assert {f.prompt for f in session.frames if f.digest in chosen} <= straight
