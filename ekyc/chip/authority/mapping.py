"""Fill the request's template, and find things in the answer: what the configuration's names and paths mean."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from ekyc import base64url
from ekyc.chip.authority.port import AuthorityQuestion
from ekyc.chip.files import ElementaryFile
from ekyc.errors import InputError, UpstreamError

_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z0-9_.]+)\}")
_MAX_DEPTH: Final = 16
_TEXTS: Final = (
    *(
        "document_number",
        "personal_number",
        "full_name",
        "sex",
        "nationality",
        "ethnicity",
        "religion",
    ),
    *("place_of_origin", "place_of_residence", "identifying_features", "expiry_text", "old_number"),
)
_DATES: Final = ("birth_date", "issue_date", "expiry_date")
_ALWAYS: Final = ("request_id", "signer_certificate", "issuer")
KNOWN: Final = frozenset((*_TEXTS, *_DATES, *_ALWAYS, *(file.value for file in ElementaryFile)))
"""Names that a template may hold in braces."""


def check_template(template: object, depth: int = 0) -> frozenset[str]:
    """The names in a template.

    Raises:
        InputError: ``authority.config``: an unknown name, or something that is no JSON value.
    """
    if depth > _MAX_DEPTH:
        raise _invalid("the request is nested too deeply")
    if isinstance(template, str):
        names = frozenset(_PLACEHOLDER.findall(template))
        if names - KNOWN:
            raise _invalid(f"unknown names in braces; known are {', '.join(sorted(KNOWN))}")
        return names
    if isinstance(template, dict):
        inside = (check_template(value, depth + 1) for value in template.values())
        return frozenset[str]().union(*inside)
    if isinstance(template, list):
        return frozenset[str]().union(*(check_template(value, depth + 1) for value in template))
    if isinstance(template, bool | int) or (
        isinstance(template, float) and math.isfinite(template)
    ):
        return frozenset()
    raise _invalid("the request holds what JSON cannot")


class Values:
    """What the names in braces stand for, in one request."""

    def __init__(
        self, question: AuthorityQuestion, *, request_id: str, binary: str, date_format: str
    ) -> None:
        self._question = question
        self._request_id = request_id
        self._binary = binary
        self._date_format = date_format

    def fill(self, template: Any) -> Any:
        """A copy of the template with every name replaced by its value. Values are never read as templates.

        Raises:
            InputError: ``authority.input_missing``; ``subject`` is the name.
        """
        if isinstance(template, str):
            return _PLACEHOLDER.sub(lambda match: self._value(match[1]), template)
        if isinstance(template, Mapping):
            return {name: self.fill(value) for name, value in template.items()}
        if isinstance(template, list):
            return [self.fill(value) for value in template]
        return template

    def _value(self, name: str) -> str:
        value = self._find(name)
        if value is None:
            raise InputError(
                "the document does not have what the service is to be asked with",
                code="authority.input_missing",
                subject=name,
            )
        return value

    def _find(self, name: str) -> str | None:
        question = self._question
        if name == "request_id":
            return self._request_id
        if name == "issuer":
            return question.identity.issuer or None
        if name == "signer_certificate":
            return self._encoded(question.signer_certificate)
        if name in _TEXTS or name in _DATES:
            held = getattr(question.identity, name)
            return None if held is None else self._text(held.reveal())
        return self._encoded(question.files.get(ElementaryFile(name)))

    def _text(self, value: str | date) -> str:
        return value.strftime(self._date_format) if isinstance(value, date) else value

    def _encoded(self, data: bytes | None) -> str | None:
        return None if data is None else encode_binary(data, self._binary)


def encode_binary(data: bytes, form: str) -> str:
    """Bytes as ``base64``, ``base64url`` (without padding) or ``hex``."""
    if form == "hex":
        return data.hex()
    if form == "base64url":
        return base64url.encode(data)
    return base64.b64encode(data).decode()


def decode_binary(text: str, form: str) -> bytes:
    """The inverse of :func:`encode_binary`, strict.

    Raises:
        ValueError: not of that form.
    """
    if form == "hex":
        return bytes.fromhex(text)
    if form == "base64url":
        return base64url.decode(text)
    return base64.b64decode(text, validate=True)


def parse_json(data: bytes) -> object:
    """JSON in UTF-8, without a member twice and without numbers that JSON does not have.

    Raises:
        UpstreamError: ``authority.answer_malformed``.
    """
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_members, parse_constant=_no_number
        )
    except (ValueError, RecursionError) as exc:
        raise malformed("the answer is no JSON") from exc


def find(content: object, path: str) -> object:
    """What stands at a path of members, dots between.

    Raises:
        UpstreamError: ``authority.unmapped``: nothing does.
    """
    for step in path.split("."):
        if not isinstance(content, dict) or step not in content:
            raise UpstreamError(
                "the answer lacks what the configuration says it has",
                code="authority.unmapped",
                subject=path,
            )
        content = content[step]
    return content


def malformed(message: str) -> UpstreamError:
    """The error for an answer that breaks its form."""
    return UpstreamError(message, code="authority.answer_malformed")


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _invalid(message: str) -> InputError:
    return InputError(message, code="authority.config", subject="request.body")
