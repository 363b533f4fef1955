"""Liveness sessions over the real rooms: the models of a verifier, looking at a session's frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ekyc.errors import InputError
from ekyc.flows.live_sessions import LiveParts, LiveSessions
from ekyc.flows.live_signing import ServiceReportSigner
from ekyc.flows.rooms import EYES
from ekyc.flows.stages import Stage
from ekyc.imaging.decode import decode_image
from ekyc.liveness import check_liveness
from ekyc.liveness.active import ActivePolicy, MeshObserver, PlanShape, Step
from ekyc.liveness.active.gestures import GestureRules
from ekyc.liveness.active.mesh_observer import FRAME_LIMITS
from ekyc.ports import SystemClock, SystemRandom
from ekyc.storage.liveness.values import DEFAULT_SESSION_BOUNDS

if TYPE_CHECKING:
    from ekyc.face import FaceDetector
    from ekyc.flows.rooms import Rooms
    from ekyc.liveness.active import Attestor
    from ekyc.outcomes import Check
    from ekyc.ports import Clock, Model, Random
    from ekyc.storage import ServiceKey, SessionBounds, Storage
    from ekyc.values import BgrImage


SERVICE_POLICY: Final = ActivePolicy(
    shape=PlanShape(among=tuple(step for step in Step if step is not Step.BLINK)),
    gestures=GestureRules(eyes_shut=0.3),
)
"""Five of the six movements. The net of eyelids misses too many shut eyes to ask everybody for them: docs/liveness.md."""


class FramePassiveDetection:
    """A :class:`~ekyc.flows.PassiveDetection` by :func:`ekyc.liveness.check_liveness`."""

    def __init__(self, *, detector: FaceDetector, pad_model: Model) -> None:
        self._detector = detector
        self._pad_model = pad_model

    def check(self, pictures: Sequence[bytes]) -> Check:
        frames: list[BgrImage] = []
        for picture in pictures:
            try:
                frames.append(decode_image(picture, name="frame", limits=FRAME_LIMITS))
            except InputError:  # it shows nothing, and counts as nothing
                continue
        return check_liveness(frames, detector=self._detector, pad_model=self._pad_model).check


def live_parts(
    rooms: Rooms,
    key: ServiceKey,
    *,
    attestor: Attestor | None = None,
    policy: ActivePolicy = SERVICE_POLICY,
) -> LiveParts:
    """What sessions are judged with: the rooms' models, and the service's own key to sign.

    Eyelids are looked at only where ``policy`` may ask for shut eyes: that takes a net of its own on every frame.
    """
    blinks = Step.BLINK in policy.shape.among
    return LiveParts(
        observer=MeshObserver(
            detector=rooms.detector, embedder=rooms.embedder, eyes=rooms.eyes if blinks else None
        ),
        passive=FramePassiveDetection(detector=rooms.detector, pad_model=rooms.pad_model),
        signer=ServiceReportSigner(key),
        models=dict(
            rooms.model_digests((Stage.FACE, Stage.LIVENESS), also=(EYES,) if blinks else ())
        ),
        attestor=attestor,
        policy=policy,
    )


def open_live_sessions(
    parts: LiveParts,
    storage: Storage,
    key: ServiceKey,
    *,
    bounds: SessionBounds = DEFAULT_SESSION_BOUNDS,
    clock: Clock | None = None,
    random: Random | None = None,
) -> LiveSessions:
    """Sessions in a database.

    Args:
        parts: what they are judged with.
        storage: where they are kept; the caller opens and closes it.
        key: of the service; processes that share the database share it.
        bounds: on all sessions together.
        clock: the storage's own.
        random: of tokens.
    """
    return LiveSessions(
        storage.liveness(key, bounds=bounds),
        storage.frames(key),
        parts,
        clock=clock or SystemClock(),
        random=random or SystemRandom(),
    )
