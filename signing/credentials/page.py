"""The page that checks results in a browser: one file, with nothing to load and nowhere to connect to.

The trust list, the operator's key, the schemas and the reasons are built into it. Its content security policy lets it
run the one script whose digest is named, and nothing else; ``connect-src`` stays closed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, Final

from ekyc.errors import LimitError
from ekyc.outcomes import reason_registry
from ekyc.signing.credentials.judging import TrustAnchor
from ekyc.signing.credentials.packing import dictionary
from ekyc.signing.credentials.schemas import Schema, schemas
from ekyc.signing.credentials.status_list import read_status_list

_MAX_LISTS: Final = 16
_REASONS: Final = "credential."


def render_verifier_page(anchor: TrustAnchor, *, status_lists: Iterable[bytes] = ()) -> str:
    """The page.

    Args:
        anchor: the trust list to pin, and the operator's key, which must have signed it.
        status_lists: signed lists in CWT form to build in; the page takes others later.

    Raises:
        TrustError: the operator did not sign the list.
        InputError: a status list is none.
        LimitError: more than 16 status lists.
    """
    if anchor.operator_key is not None:
        anchor.listed.verify(anchor.operator_key)
    lists = list(status_lists)
    if len(lists) > _MAX_LISTS:
        raise LimitError("more status lists than a page carries", code="credential.too_large")
    for data in lists:
        read_status_list(data)
    pinned = {
        "trust_list": anchor.listed.message.text,
        "operator_key": None if anchor.operator_key is None else anchor.operator_key.as_jwk(),
        "status_lists": [base64.b64encode(data).decode() for data in lists],
        "dictionary": base64.b64encode(dictionary()).decode(),
        "schemas": [_schema(schema) for schema in schemas().values()],
        "reasons": {
            code: {"vi": reason.vi, "en": reason.en}
            for code, reason in reason_registry().items()
            if code.startswith(_REASONS)
        },
    }
    page = _part("html")
    parts = {
        "@CSP@": verifier_policy(),
        "@STYLE@": _part("css"),
        "@SCRIPT@": _part("js"),
        # Last: it holds names that others wrote, which must not be taken for one of these marks.
        "@PINNED@": json.dumps(pinned, ensure_ascii=False).replace("<", "\\u003c"),
    }
    for mark, text in parts.items():
        before, _, after = page.partition(mark)
        page = before + text + after
    return page


def verifier_policy() -> str:
    """The page's content security policy: its one script and its one style, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_digest(_part('js'))}'",
            f"style-src '{_digest(_part('css'))}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


@cache
def _part(kind: str) -> str:
    file = resources.files("ekyc.signing.credentials.data") / f"verifier.{kind}"
    return file.read_text(encoding="utf-8")


def _schema(schema: Schema) -> dict[str, Any]:
    fields = [
        {
            "key": entry.key,
            "kind": entry.kind.value,
            "vi": entry.vi,
            "en": entry.en,
            "most": entry.most,
            "optional": entry.optional,
            "choices": [
                {"value": choice.value, "vi": choice.vi, "en": choice.en}
                for choice in entry.choices
            ],
        }
        for entry in schema.fields
    ]
    head = {"number": schema.number, "version": schema.version}
    return {**head, "title_vi": schema.title_vi, "title_en": schema.title_en, "fields": fields}


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
