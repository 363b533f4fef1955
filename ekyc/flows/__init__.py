"""Use cases that join the rooms: a case in, a decision and a signed result out."""

from ekyc.flows.case import Case, CaseFile, CaseLimits, CaseManifest, load_case, require_case
from ekyc.flows.case_template import write_case_template
from ekyc.flows.erase_person import ErasedPerson, PersonEraser
from ekyc.flows.freshness import IssuedChallenge, issue_challenge
from ekyc.flows.html_report import render_html_report
from ekyc.flows.issue_result import (
    Issuable,
    issue_code,
    issue_result,
    person_of,
    sign_page,
    write_outputs,
)
from ekyc.flows.live_case import LivePart, with_live_session
from ekyc.flows.live_rooms import live_parts, open_live_sessions
from ekyc.flows.live_sessions import LiveParts, LiveSessions
from ekyc.flows.live_values import (
    LiveBinding,
    LiveEvidence,
    LiveOrder,
    LiveUse,
    PassiveDetection,
)
from ekyc.flows.result import (
    VerificationResult,
    decision_as_json,
    report_digest,
    result_as_json,
)
from ekyc.flows.signers import SignerPseudonyms
from ekyc.flows.stages import Stage, StageFinished
from ekyc.flows.verify_identity import BatchItem, Verifier

__all__ = [
    "BatchItem",
    "Case",
    "CaseFile",
    "CaseLimits",
    "CaseManifest",
    "ErasedPerson",
    "Issuable",
    "IssuedChallenge",
    "LiveBinding",
    "LiveEvidence",
    "LiveOrder",
    "LivePart",
    "LiveParts",
    "LiveSessions",
    "LiveUse",
    "PassiveDetection",
    "PersonEraser",
    "SignerPseudonyms",
    "Stage",
    "StageFinished",
    "VerificationResult",
    "Verifier",
    "decision_as_json",
    "issue_challenge",
    "issue_code",
    "issue_result",
    "live_parts",
    "load_case",
    "open_live_sessions",
    "person_of",
    "render_html_report",
    "report_digest",
    "require_case",
    "result_as_json",
    "sign_page",
    "with_live_session",
    "write_case_template",
    "write_outputs",
]
