"""The active challenge: a protocol between a verifier and the client before whose camera a person sits.

The session is a pure state machine over numbers; pictures enter through a :class:`FrameObserver`. What it proves and
what not stands in docs/liveness.md.
"""

from ekyc.liveness.active.attempts import (
    DEFAULT_ATTEMPTS,
    AttemptLimits,
    AttemptVerdict,
    may_attempt,
)
from ekyc.liveness.active.attestation import (
    AttestationKind,
    AttestationVerdict,
    Attestor,
    attestation_challenge,
    check_client,
)
from ekyc.liveness.active.conclusion import (
    DEFAULT_CONCLUSION,
    ActiveThresholds,
    SessionEvidence,
    best_frame,
)
from ekyc.liveness.active.driver import take_chunk
from ekyc.liveness.active.envelope import Chunk, ChunkFrame, chain_start, open_chunk, seal_chunk
from ekyc.liveness.active.memory import FrameMemory, RecentFrames, picture_hash
from ekyc.liveness.active.mesh_observer import MeshObserver
from ekyc.liveness.active.observation import (
    FaceObservation,
    FrameObservation,
    FrameObserver,
    ObservationProblem,
)
from ekyc.liveness.active.plan import (
    ChallengePlan,
    Colour,
    PlanShape,
    Prompt,
    PromptKind,
    Step,
    draw_plan,
)
from ekyc.liveness.active.report import (
    ActiveReport,
    ReportSigner,
    SignedReport,
    Suspected,
    report_as_json,
    report_session,
    sign_report,
)
from ekyc.liveness.active.session import (
    DEFAULT_ACTIVE,
    ActivePolicy,
    Reply,
    ReplyKind,
    Session,
    open_session,
    receive,
    tick,
)
from ekyc.liveness.active.stored import KeptChunk, decode_seen, encode_seen, resume_session
from ekyc.liveness.active.ticket import ACTIVE_LIVENESS, Ticket, issue_ticket, redeem_ticket

__all__ = [
    "ACTIVE_LIVENESS",
    "DEFAULT_ACTIVE",
    "DEFAULT_ATTEMPTS",
    "DEFAULT_CONCLUSION",
    "ActivePolicy",
    "ActiveReport",
    "ActiveThresholds",
    "AttemptLimits",
    "AttemptVerdict",
    "AttestationKind",
    "AttestationVerdict",
    "Attestor",
    "ChallengePlan",
    "Chunk",
    "ChunkFrame",
    "Colour",
    "FaceObservation",
    "FrameMemory",
    "FrameObservation",
    "FrameObserver",
    "KeptChunk",
    "MeshObserver",
    "ObservationProblem",
    "PlanShape",
    "Prompt",
    "PromptKind",
    "RecentFrames",
    "Reply",
    "ReplyKind",
    "ReportSigner",
    "Session",
    "SessionEvidence",
    "SignedReport",
    "Step",
    "Suspected",
    "Ticket",
    "attestation_challenge",
    "best_frame",
    "chain_start",
    "check_client",
    "decode_seen",
    "draw_plan",
    "encode_seen",
    "issue_ticket",
    "may_attempt",
    "open_chunk",
    "open_session",
    "picture_hash",
    "receive",
    "redeem_ticket",
    "report_as_json",
    "report_session",
    "resume_session",
    "seal_chunk",
    "sign_report",
    "take_chunk",
    "tick",
]
