"""A service as the configuration describes it: question → request → signed answer → verdict."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final

from ekyc.chip.authority.configuration import Answer, AuthorityConfiguration
from ekyc.chip.authority.mapping import Values, find, parse_json
from ekyc.chip.authority.port import (
    AuthorityAnswer,
    AuthorityLink,
    AuthorityQuestion,
    AuthorityVerdict,
)
from ekyc.chip.authority.signature import SignedContent, verify_answer
from ekyc.errors import TrustError, UpstreamError
from ekyc.ports import Clock, Random
from ekyc.values import Sha256Hex

_REQUEST_ID_BYTES: Final = 16


class ConfiguredAuthority:
    """An :class:`~ekyc.chip.authority.Authority` whose messages an operator described."""

    sample = False

    def __init__(
        self,
        configuration: AuthorityConfiguration,
        link: AuthorityLink,
        *,
        random: Random,
        clock: Clock,
    ) -> None:
        self._configuration = configuration
        self._link = link
        self._random = random
        self._clock = clock

    @property
    def name(self) -> str:
        return self._configuration.name

    def ask(self, question: AuthorityQuestion) -> AuthorityAnswer:
        """Ask once.

        1. A request id is drawn and the template filled. What the document lacks ends it here.
        2. The request is sent, once. Another status than those of the configuration ends it.
        3. The signature is verified over the bytes received, with a pinned key. Nothing else of the answer is read on.
        4. What was signed must repeat the request id, and whatever else the configuration says it repeats.
        5. Its verdict must be one of the words of the configuration.

        Raises:
            InputError, UpstreamError, TrustError: as :meth:`ekyc.chip.authority.Authority.ask`.
        """
        configuration = self._configuration
        values = Values(
            question,
            request_id=self._random.token_bytes(_REQUEST_ID_BYTES).hex(),
            binary=configuration.binary,
            date_format=configuration.date_format,
        )
        body = json.dumps(values.fill(configuration.body), ensure_ascii=False)  # (1)
        repeated = _to_be_repeated(configuration.answer, values)
        answer = self._link.post(body.encode(), content_type=configuration.content_type)  # (2)
        if answer.status not in configuration.statuses:
            raise UpstreamError(
                f"the service answered with status {answer.status}", code="authority.status"
            )
        now = self._clock.now()
        signed = verify_answer(  # (3)
            answer, configuration.answer.signature, configuration.keys, at=now
        )
        return _read(signed, configuration.answer, repeated, now)


def _to_be_repeated(answer: Answer, values: Values) -> dict[str, str]:
    """What must stand where in the answer. Nothing takes the request id's place."""
    templates = answer.repeats | {answer.request_id: "{request_id}"}
    return {path: values.fill(template) for path, template in templates.items()}


def _read(
    signed: SignedContent, answer: Answer, repeated: dict[str, str], at: datetime
) -> AuthorityAnswer:
    content = parse_json(signed.content)
    for path, expected in repeated.items():  # (4)
        if find(content, path) != expected:
            raise TrustError(
                "the answer is to another question", code="authority.mismatch", subject=path
            )
    return AuthorityAnswer(
        verdict=_verdict(find(content, answer.verdict), answer),  # (5)
        request_id=repeated[answer.request_id],
        answered_at=at,
        signed=signed.content,
        signed_digest=Sha256Hex(hashlib.sha256(signed.content).hexdigest()),
        key_fingerprint=signed.key.fingerprint,
    )


def _verdict(value: object, answer: Answer) -> AuthorityVerdict:
    if _is_among(value, answer.not_genuine):
        return AuthorityVerdict.NOT_GENUINE
    if _is_among(value, answer.genuine):
        return AuthorityVerdict.GENUINE
    raise UpstreamError(
        "the verdict of the service is none of the configured words",
        code="authority.unmapped",
        subject=answer.verdict,
    )


def _is_among(value: object, words: list[bool | int | str]) -> bool:
    """Equal and of one type: JSON's true is not 1."""
    return any(type(value) is type(word) and value == word for word in words)
