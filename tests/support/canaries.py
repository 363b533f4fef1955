"""Numbers, names and portraits to be planted wherever a request has room, and the forms in which they could come out."""

from __future__ import annotations

import base64
import json
import urllib.parse

NUMBER = "079185001234"
NAME = "Nguyễn Canary Thị Mẫu"
PLAIN_NAME = "NGUYEN-CANARY-THI-MAU"
PORTRAIT = b"\xff\xd8\xff\xe0portrait-canary\x00\x01\x02\xff\xd9"
WORDS = (NUMBER, NAME, PLAIN_NAME)
METHODS = frozenset({"get", "put", "post", "patch", "delete"})
HEADERS = (
    *("x-request-id", "idempotency-key", "user-agent", "referer", "accept-language", "if-match"),
    *("content-digest", "last-event-id", "prefer", "traceparent"),
)
PROXIED = ("x-forwarded-for", "forwarded")  # refused at once, where there are no clients
JSON = {"content-type": "application/json"}


def forms_of(text):
    raw = text if isinstance(text, bytes) else text.encode()
    shown = raw.decode("latin-1") if isinstance(text, bytes) else text
    yield from (shown, repr(raw)[2:-1], base64.b64encode(raw).decode().rstrip("=")[:-1], raw.hex())
    yield from (urllib.parse.quote(raw), json.dumps(shown)[1:-1], shown.lower())


CANARIES = sorted({form for word in (*WORDS, PORTRAIT[4:]) for form in forms_of(word)})


def found_in(text):
    return [form for form in CANARIES if form in text]


def requests_of(document, words=WORDS):
    """Method, path and options of requests to every operation, with canaries in each place."""
    for template, operations in document["paths"].items():
        for method in METHODS & operations.keys():
            for word in words:
                quoted = urllib.parse.quote(word)
                path = "/".join(
                    quoted if part.startswith("{") else part for part in template.split("/")
                )
                headers = dict.fromkeys(HEADERS, quoted)
                yield method, f"{path}?{quoted}={quoted}&limit={quoted}", {"headers": headers}
                yield method, path, {"headers": dict.fromkeys(PROXIED, quoted)}
                for body in bodies_of(word):
                    yield method, path, body
    for word in words:
        quoted = urllib.parse.quote(word)
        yield "get", f"/{quoted}", {"headers": {"authorization": f"Bearer {PLAIN_NAME}.{NUMBER}"}}
        yield "get", f"/v1/{quoted}/{quoted}", {"headers": {"cookie": f"{NUMBER}={NUMBER}"}}
    for method in (NUMBER, PLAIN_NAME):
        yield method, "/livez", {}


def bodies_of(word):
    key = {"idempotency-key": "0af7651916cd43dd8448eb211c80319c"}
    nested = {word: {word: [word]}, "purpose": word, "subject": word, "reference": word}
    yield {"content": json.dumps(nested), "headers": {**JSON, **key}}
    yield {"content": json.dumps({"citizen": {word: word}, "case": {word: 1}}), "headers": JSON}
    yield {"content": json.dumps(word), "headers": JSON}
    yield {"content": f'{{"{word}": '.encode() + PORTRAIT, "headers": {**JSON, **key}}
    yield {"content": PORTRAIT, "headers": {"content-type": f"image/{NUMBER}", **key}}
    yield {"files": [(word, (f"{word}.jpg", PORTRAIT, f"image/{NUMBER}"))], "headers": key}
    yield {"files": [("file", (f"../{word}", PORTRAIT)), ("case", (None, word))], "headers": key}
    yield {
        "files": [
            ("case", (None, word)),
            ("challenge_id", (None, word)),
            ("liveness", (None, word)),
        ],
        "headers": key,
    }
    yield {"files": [("case", (f"{word}.zip", PORTRAIT))], "headers": key}


def example_requests(document, words=WORDS):
    """The examples of every JSON body, with a canary in place of each text in turn, and of all at once."""
    for template, operations in document["paths"].items():
        path = "/".join("0" * 32 if part.startswith("{") else part for part in template.split("/"))
        for method in METHODS & operations.keys():
            content = operations[method].get("requestBody", {}).get("content", {})
            about = content.get("application/json", {})
            for example in about.get("examples", {}).values():
                for body in _planted(example.get("value"), words):
                    yield method, path, {"json": body}


def _planted(value, words):
    for word in words:
        yield _replaced(value, word, None)
        for number in range(_texts_in(value)):
            yield _replaced(value, word, [number])


def _texts_in(value):
    if isinstance(value, str):
        return 1
    if isinstance(value, dict):
        value = value.values()
    return sum(map(_texts_in, value)) if isinstance(value, list | type({}.values())) else 0


def _replaced(value, word, left):
    """``value`` with ``word`` for its text of that number; ``None``: for all."""
    if isinstance(value, str):
        if left is None:
            return word
        left[0] -= 1
        return word if left[0] == -1 else value
    if isinstance(value, dict):
        return {name: _replaced(member, word, left) for name, member in value.items()}
    if isinstance(value, list):
        return [_replaced(member, word, left) for member in value]
    return value
