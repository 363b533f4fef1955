"""The main job: a case goes in, checks and a decision come out.

1. Decode every picture; a bad file is named before anything else happens and before a challenge or a liveness session is
   spent.
2. Redeem the verifier's own challenge; a spent, expired or unknown one is a reason, never an exception.
3. Chip: structure, SOD signature, data-group hashes, chain, active authentication over the redeemed nonce; is the
   card still in force?
4. Card: read both sides, then hold the print against the chip.
5. Documents: hold the copy against the original.
6. Face: compare the frames with the portrait of data group 2; it counts only if the SOD covers that portrait.
7. Liveness: passive detection over the frames that step 6 compared, or :mod:`ekyc.flows.live_case`; no copy of 6's.
8. Policy: profile and checks give the decision.

What stays with the caller: who may ask, what is stored, and every step that the law leaves to an officer.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Self

from ekyc.errors import EkycError, InputError
from ekyc.face.seen_once import SeenOnce
from ekyc.flows.card_stage import judge_card, read_sides
from ekyc.flows.case import Case
from ekyc.flows.chip_stage import CHIP_CHECKS, ChipFindings, judge_chip
from ekyc.flows.document_stage import judge_documents
from ekyc.flows.face_stage import judge_face
from ekyc.flows.live_case import (
    LivePart,
    seen_in,
    with_one_person,
    with_session_frames,
)
from ekyc.flows.liveness_stage import judge_liveness
from ekyc.flows.pages import decode_portrait, take_in
from ekyc.flows.portrait_stage import judge_portrait_copy
from ekyc.flows.result import VerificationResult, record_result
from ekyc.flows.rooms import Rooms
from ekyc.flows.safeguards import (
    signed_by_simulator,
    with_frames_bound,
    without_sample_material,
)
from ekyc.flows.signers import SignerPseudonyms
from ekyc.flows.stages import (
    Progress,
    Stage,
    StageResult,
    run_stage,
)
from ekyc.policy import decide, load_profile
from ekyc.ports import Clock, SystemClock
from ekyc.values import NOBODY_IN_PARTICULAR, Owner, Receipt

if TYPE_CHECKING:
    from ekyc.chip.authority import Authority
    from ekyc.inference import Engine
    from ekyc.pki import TrustStore
    from ekyc.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """One case of a batch: a result, or the typed error of that case alone."""

    result: VerificationResult | None = None
    error: EkycError | None = None


class Verifier:
    """Verifies cases. Models are loaded once; safe to call from many threads.

    Use as a context manager, or call :meth:`close`::

        with Verifier.open(trust=TrustStore.load([Path("csca.pem")])) as verifier:
            result = verifier.verify(load_case("case"))
    """

    def __init__(
        self,
        *,
        engine: Engine,
        trust: TrustStore,
        storage: Storage | None = None,
        authority: Authority | None = None,
        clock: Clock | None = None,
        workers: int | None = None,
        signers: SignerPseudonyms | None = None,
    ) -> None:
        self._engine = engine
        self._trust = trust
        self._storage = storage
        self._authority = authority
        self._signers = signers
        self._clock = clock or SystemClock()
        self._workers = workers or os.cpu_count() or 1
        self._owns_engine = False
        self._rooms = Rooms.over(engine)
        self._stages = ThreadPoolExecutor(self._workers, thread_name_prefix="ekyc-stage")

    @classmethod
    def open(
        cls,
        *,
        trust: TrustStore,
        storage: Storage | None = None,
        authority: Authority | None = None,
        clock: Clock | None = None,
        workers: int | None = None,
        signers: SignerPseudonyms | None = None,
    ) -> Self:
        """Open a verifier with an engine of its own over the installed models.

        Args:
            trust: the operator's anchors; the case never brings its own.
            storage: where challenges are redeemed; without it freshness is NOT_PERFORMED.
            authority: a national verification service; without it ``chip.authority`` is NOT_PERFORMED.
            clock: source of the current time.
            workers: stages that run at once; default: the number of processors.
            signers: names whoever a decision lets sign, beside its record; without, none does.

        Raises:
            ModelError: a model is missing or altered.
        """
        from ekyc.inference import Engine  # noqa: PLC0415  # loads onnxruntime only when a verifier opens

        engine = Engine.open()
        try:
            verifier = cls(
                engine=engine,
                trust=trust,
                storage=storage,
                authority=authority,
                clock=clock,
                workers=workers,
                signers=signers,
            )
        except BaseException:
            engine.close()
            raise
        verifier._owns_engine = True
        return verifier

    @property
    def rooms(self) -> Rooms:
        """The workers over the models, for sessions that share them."""
        return self._rooms

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let running stages end, then release the models if they are ours."""
        self._stages.shutdown(wait=True, cancel_futures=False)
        if self._owns_engine:
            self._engine.close()

    def verify(
        self,
        case: Case,
        *,
        challenge_id: str | None = None,
        live: LivePart | None = None,
        progress: Progress | None = None,
        owner: Owner = NOBODY_IN_PARTICULAR,
        receipt: Receipt | None = None,
    ) -> VerificationResult:
        """Verify one case.

        Args:
            case: what was submitted.
            challenge_id: id of a challenge that this verifier issued (``ekyc challenge new``). It is spent if the
                case holds an answer of the chip. Without it freshness is NOT_PERFORMED.
            live: gives the case its live part and spends it (:func:`~ekyc.flows.with_live_session`); called once every
                picture of the case was decoded.
            progress: called when a stage ends, possibly from another thread.
            owner: whose case it is, and who is told of the decision.
            receipt: of a case that may be verified again. What it spends is held for it, and the caller records the decision.

        Raises:
            InputError: a file of the case is unreadable or the profile is unknown; ``subject`` names it.
            LimitError: a bound on size or pixels is passed.
            ModelError: a model is missing or altered.
            BusyError: the inference queue is full; try again.
        """
        profile = load_profile(case.profile_id)
        pictures = take_in(case, progress)  # (1)
        if live is not None:
            case = live(case)
            pictures = with_session_frames(pictures, case)
        # Steps 4, 5 and 7 need nothing from the chip and start at once.
        rooms = self._rooms
        card_reading = self._stages.submit(read_sides, profile, pictures, rooms)
        documents = self._stages.submit(judge_documents, profile, pictures, rooms, progress)
        liveness = self._stages.submit(judge_liveness, case, profile, pictures, rooms, progress)
        try:
            chip = self._chip(case, challenge_id, receipt, progress)  # (2), (3)
            report = chip.value.report if chip.value else None
            word = chip.value.authority if chip.value else None
            portrait = cache(partial(decode_portrait, report))
            detector = SeenOnce(rooms.detector)
            face = judge_face(  # (6)
                profile,
                report,
                portrait,
                pictures.face_frames,
                rooms,
                detector=detector,
                today=self._clock.now().date(),
                progress=progress,
            )
            card = judge_card(pictures, card_reading.result, report, progress)  # (4)
            document_result, liveness_result = documents.result(), liveness.result()  # (5), (7)
        finally:
            for future in (card_reading, documents, liveness):
                future.cancel()
        sample = case.sample or signed_by_simulator(report) or (word is not None and word.sample)
        copies = judge_portrait_copy(profile, report, portrait, seen_in(case, pictures), detector)
        liveness_checks = (*liveness_result.checks, *copies)
        if sample and not profile.demonstration:
            liveness_checks = without_sample_material(liveness_checks)
        checks = (
            *chip.checks,
            *card.checks,
            *document_result.checks,
            *with_one_person(
                with_frames_bound(face.checks, face.value, liveness_result.value), case.live
            ),
            *liveness_checks,
        )
        result = VerificationResult(
            id=str(uuid.uuid4()),
            created_at=self._clock.now(),
            case_digest=case.digest(),
            sample=sample or profile.demonstration,
            profile=profile,
            decision=decide(profile, checks),  # (8)
            checks=checks,
            chip=report,
            authority=word,
            card=card.value,
            comparison=document_result.value,
            face=face.value,
            liveness=liveness_result.value,
            pictures=pictures,
            models=rooms.model_digests(),
        )
        if self._signers is not None:
            result = replace(result, signer=self._signers.of(result, case.live))
        if self._storage is not None and receipt is None:
            record_result(self._storage, result, owner)
        return result

    def verify_batch(
        self, cases: Sequence[Case], *, challenge_ids: Sequence[str | None] | None = None
    ) -> tuple[BatchItem, ...]:
        """Verify several cases; a bad one gives its typed error and leaves the others unharmed.

        Args:
            cases: what was submitted.
            challenge_ids: the challenge of each case, in the same order; none by default.

        Returns:
            One item per case, in the order of ``cases``.

        Raises:
            InputError: as many challenges as cases are needed (``batch.challenges``).
        """
        ids = [None] * len(cases) if challenge_ids is None else list(challenge_ids)
        if len(ids) != len(cases):
            raise InputError("one challenge for each case is needed", code="batch.challenges")
        with ThreadPoolExecutor(self._workers, thread_name_prefix="ekyc-case") as pool:
            return tuple(pool.map(self._verify_item, cases, ids))

    def _verify_item(self, case: Case, challenge_id: str | None) -> BatchItem:
        try:
            return BatchItem(result=self.verify(case, challenge_id=challenge_id))
        except EkycError as error:
            return BatchItem(error=error)

    def _chip(
        self,
        case: Case,
        challenge_id: str | None,
        receipt: Receipt | None,
        progress: Progress | None,
    ) -> StageResult[ChipFindings]:
        def work() -> StageResult[ChipFindings]:
            return judge_chip(
                case,
                trust=self._trust,
                storage=self._storage,
                authority=self._authority,
                challenge_id=challenge_id,
                now=self._clock.now(),
                receipt=receipt,
            )

        return run_stage(Stage.CHIP, CHIP_CHECKS, work, progress)
