"""Bodies of the resources, as pydantic models: what the OpenAPI document is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from ekyc.api.forms import CODE_PATTERN, InputModel, KeptInClear, Office, OutputModel
from ekyc.api.schemas import ID_PATTERN
from ekyc.dossiers import (
    ActorKind,
    DecisionOutcome,
    DossierFlag,
    DossierState,
    LinkKind,
    SessionState,
)
from ekyc.dossiers.sessions import MAX_ATTEMPTS
from ekyc.outcomes import Outcome
from ekyc.policy import Verdict

NAME: Final = r"^[a-z][a-z0-9-]{0,63}$"
_REFERENCE: Final = r"^[!-~]{1,64}$"


class DossierNew(InputModel):
    """A dossier to be opened."""

    procedure: str = Field(pattern=NAME, description="Mã thủ tục. / Id of the procedure.")
    reference: KeptInClear = Field(
        default=None,
        pattern=_REFERENCE,
        description="Mã hồ sơ của cổng; không dùng số định danh của người dân: 12 chữ số bắt đầu bằng 0 bị từ chối. / The "
        "portal's own reference; never a person's number: 12 digits that begin with 0 are refused.",
    )
    office: Office = Field(
        default=None, description="Cơ quan thụ lý. / The office that handles it."
    )


class DossierEdit(InputModel):
    """What is to be changed of a dossier; what is left out stays. `null` empties a member."""

    reference: KeptInClear = Field(default=None, pattern=_REFERENCE)
    office: Office = None
    state: DossierState | None = Field(
        default=None, description="Đóng hoặc mở lại. / Close or reopen."
    )


class SessionNew(InputModel):
    """A verification session to be made: in a dossier, or for a procedure by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "string"}}}
                for name in ("procedure", "dossier_id")
            ]
        }
    )

    procedure: str | None = Field(
        default=None,
        pattern=NAME,
        description="Bỏ trống khi có `dossier_id`. / Leave out with `dossier_id`.",
    )
    dossier_id: str | None = Field(default=None, pattern=ID_PATTERN)
    office: Office = None
    attempts: int = Field(default=3, ge=1, le=MAX_ATTEMPTS)
    lasts_s: int = Field(
        default=86_400,
        ge=300,
        le=30 * 86_400,
        description="Chờ nộp trong bao nhiêu giây. / For how many seconds it waits for its case.",
    )
    review_only: bool = Field(
        default=False,
        description="Không quyết định tự động; luôn chuyển cán bộ. / Nothing is decided by machine; an officer decides.",
    )


class LinkNew(InputModel):
    """A chip session or liveness session that belongs to this session."""

    kind: LinkKind
    id: str = Field(pattern=ID_PATTERN)


class DecisionNew(InputModel):
    """What an officer decides."""

    outcome: Literal["approved", "rejected", "resubmit"]
    reasons: list[Annotated[str, Field(pattern=CODE_PATTERN)]] = Field(
        default=[],
        max_length=20,
        description="Mã trong /v1/reasons; bắt buộc khi không chấp nhận. / Codes of /v1/reasons; needed unless approved.",
    )


class Texts(OutputModel):
    """One text in both languages."""

    vi: str
    en: str


class ReasonShown(OutputModel):
    """A reason with the texts that people may see."""

    code: str
    message: Texts
    retryable: bool


class ProcedureReference(OutputModel):
    """A procedure at one version."""

    id: str
    version: str = Field(description="SHA-256")


class RequiredCheck(OutputModel):
    """A check that must have passed."""

    code: str
    title: Texts


class ProcedureModel(OutputModel):
    """A procedure: what must be shown for it."""

    id: str
    version: str
    title: Texts
    demonstration: bool
    result_level: str
    required_checks: list[RequiredCheck]


class ProcedureList(OutputModel):
    """All procedures."""

    data: list[ProcedureModel]
    next: str | None = None


class ActorModel(OutputModel):
    """Who acted, as it was at that time."""

    kind: ActorKind
    id: str
    role: str | None
    office: str | None


class DecisionModel(OutputModel):
    """One decision. Act on the last one, and only if it is `final`."""

    number: int
    outcome: DecisionOutcome
    final: bool
    automatic: bool
    overrides: list[str]
    reasons: list[ReasonShown]
    actor: ActorModel
    at: datetime


class DecisionList(OutputModel):
    """All decisions of a session, the oldest first."""

    data: list[DecisionModel]
    next: str | None = None


class AttemptCounts(OutputModel):
    """How often a case may be submitted."""

    allowed: int
    made: int
    left: int


class ConclusionModel(OutputModel):
    """What the last verification found."""

    attempt: int
    verdict: Verdict
    reasons: list[ReasonShown]
    failed_checks: list[str]
    sample: bool
    verification_id: str
    case_sha256: str


class LinkModel(OutputModel):
    """What else belongs to a session."""

    kind: LinkKind
    id: str


class SessionModel(OutputModel):
    """A verification session."""

    id: str
    version: int
    state: SessionState
    dossier_id: str | None
    office: str | None
    procedure: ProcedureReference
    review_only: bool
    attempts: AttemptCounts
    outcome: DecisionOutcome | None
    final: bool
    decision: DecisionModel | None
    conclusion: ConclusionModel | None
    last_error: ReasonShown | None
    links: list[LinkModel]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


class SessionList(OutputModel):
    """A page of sessions, the newest first."""

    data: list[SessionModel]
    next: str | None


class DossierModel(OutputModel):
    """A dossier."""

    id: str
    version: int
    state: DossierState
    flags: list[DossierFlag]
    procedure: ProcedureReference
    reference: str | None
    office: str | None
    sessions: list[str]
    created_at: datetime
    updated_at: datetime


class DossierList(OutputModel):
    """A page of dossiers, the newest first."""

    data: list[DossierModel]
    next: str | None


class TimelineEntry(OutputModel):
    """One thing that happened."""

    file_id: str
    sequence: int
    type: str
    at: datetime
    actor: ActorModel


class Timeline(OutputModel):
    """All that happened, the oldest first."""

    data: list[TimelineEntry]
    next: str | None = None


class ModelReference(OutputModel):
    """A model, pinned."""

    id: str
    sha256: str


class CheckResource(OutputModel):
    """One check: the same form wherever a check stands."""

    code: str
    title: Texts
    outcome: Outcome
    required: bool
    reasons: list[ReasonShown]
    subjects: list[str]
    score: float | None
    threshold: float | None
    direction: Literal["at_least", "at_most"] | None = Field(
        default=None,
        description="Đạt khi `score` ở phía nào của `threshold`. / On which side of `threshold` a `score` passes.",
    )
    models: list[ModelReference] = Field(
        default=[],
        description="Các mô hình có thể đã tham gia. / Models that may have had a say.",
    )
    breakdown: list[dict[str, Any]]
    evidence_sha256: str | None
    duration_ms: float


class CheckList(OutputModel):
    """The checks of the last attempt that was concluded."""

    attempt: int | None
    data: list[CheckResource]
    next: str | None = None


class ArtefactModel(OutputModel):
    """One submitted file, without its name."""

    id: str
    attempt: int
    kind: str
    size: int
    created_at: datetime


class ArtefactList(OutputModel):
    """All that was submitted to a session and is still kept track of."""

    data: list[ArtefactModel]
    next: str | None = None


class CaptureTokenModel(OutputModel):
    """A token for one telephone and one session, told once."""

    token: str
    expires_at: datetime
    uses: int
    submit_to: str


class CaptureState(OutputModel):
    """What the telephone hears."""

    session_id: str
    state: SessionState
    attempts: AttemptCounts
    advice: list[ReasonShown]
    expires_at: datetime
