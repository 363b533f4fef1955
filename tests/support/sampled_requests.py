"""Requests that an OpenAPI document allows, as small as they can be: so that a new operation is asked without a line here."""

from __future__ import annotations

import re
from dataclasses import dataclass

METHODS = ("get", "post", "put", "patch", "delete")
HEX = {r"^[0-9a-f]{32}$": "e" * 32, r"^[0-9a-f]{64}$": "e" * 64, '^"[0-9]{1,9}"$': '"1"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Something that a request names by its id."""

    where: str
    """path, query or body."""
    name: str
    kind: str
    """Collection that it lies in, such as ``sessions``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    path: str
    references: tuple[Reference, ...]
    schemes: frozenset[str]
    headers: dict[str, str]
    query: dict[str, str]
    body: tuple[str, object] | None
    """Media type, and a value that the schema allows."""


def operations(document, kinds_of_names):
    """Every operation.

    Args:
        document: OpenAPI.
        kinds_of_names: name of a member that is an id, such as ``dossier_id`` → collection.
    """
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _operation(document, path, method, methods[method], kinds_of_names)


def _operation(document, path, method, told, kinds_of_names):
    parameters = told.get("parameters", [])
    references = [
        Reference(where="path", name=name, kind=kind)
        for kind, name in re.findall(r"/([a-z0-9-]+)/\{(\w+)\}", path)
    ]
    references += [
        Reference(where="query", name=one["name"], kind=kinds_of_names[one["name"]])
        for one in parameters
        if one["in"] == "query" and one["name"] in kinds_of_names
    ]
    body = _body(document, told)
    if body is not None and isinstance(body[1], dict):
        members = _members(document, told, body[0])
        references += [
            Reference(where="body", name=name, kind=kinds_of_names[name])
            for name in members
            if name in kinds_of_names
        ]
    needed = [one for one in parameters if one.get("required")]
    return Operation(
        id=told["operationId"],
        method=method,
        path=path,
        references=tuple(references),
        schemes=frozenset(name for one in told.get("security", []) for name in one),
        headers={one["name"]: _value(document, one) for one in needed if one["in"] == "header"},
        query={one["name"]: _value(document, one) for one in needed if one["in"] == "query"},
        body=body,
    )


def _value(document, parameter):
    return str(parameter.get("example") or sample(document, parameter["schema"]))


def _members(document, told, media):
    schema = _resolved(document, told["requestBody"]["content"][media]["schema"])
    return schema.get("properties", {})


def _body(document, told):
    content = told.get("requestBody", {}).get("content", {})
    for media, described in content.items():
        examples = [one["value"] for one in described.get("examples", {}).values()]
        return media, examples[0] if examples else sample(document, described.get("schema", {}))
    return None


def _resolved(document, schema):
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def sample(document, schema):
    """A value that a schema allows, with the members that it requires."""
    schema = _resolved(document, schema)
    choices = () if "properties" in schema else (schema.get("anyOf") or schema.get("oneOf") or ())
    if choices:
        return sample(document, choices[0])
    told = [schema[name] for name in ("const", "default") if schema.get(name) is not None]
    return (told or schema.get("enum") or [_of_type(document, schema)])[0]


def _of_type(document, schema):
    match schema.get("type"):
        case "object":
            members = schema.get("properties", {})
            return {name: sample(document, members[name]) for name in schema.get("required", ())}
        case "array":
            return [sample(document, schema["items"])] * schema.get("minItems", 0)
        case "string":
            return HEX.get(schema.get("pattern", ""), "identity")
        case other:
            return {"boolean": False}.get(other, schema.get("minimum", 1))
