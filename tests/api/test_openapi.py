"""docs/openapi.json is what the service says of itself, and says enough."""

from __future__ import annotations

import json

import pytest
from described_service import described

METHODS = {"get", "post", "patch", "delete", "put"}
RESOURCES = ("/v1/procedures", "/v1/dossiers", "/v1/sessions", "/v1/captures", "/v1/webhook-")


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(described()))


@pytest.fixture(scope="module")
def operations(document):
    return {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def test_the_committed_document_is_that_of_the_code(document, repository_root):
    committed = json.loads((repository_root / "docs" / "openapi.json").read_text("utf-8"))

    assert committed == document, "run scripts/write-openapi"


def test_it_is_openapi_3_1(document):
    assert document["openapi"].startswith("3.1.")


def test_every_operation_has_a_name_of_its_own(document, operations):
    count = sum(len(METHODS & set(methods)) for methods in document["paths"].values())

    assert len(operations) == count


def test_every_operation_speaks_both_languages(operations):
    for name, (_, operation) in operations.items():
        assert " / " in operation["summary"], name
        vietnamese, _, english = operation["description"].partition("\n\n")
        assert vietnamese, name
        assert english, name


def test_resources_declare_their_refusals_with_examples_in_both_languages(operations):
    for name, (path, operation) in operations.items():
        if not path.startswith(RESOURCES):
            continue
        assert {"401", "403", "422", "429", "500", "503"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            if status[0] in "45":
                examples = response["content"]["application/problem+json"]["examples"]
                languages = {label.rpartition(" ")[2] for label in examples}
                assert languages == {"(vi)", "(en)"}, (name, status)
                for example in examples.values():
                    assert example["value"]["status"] == int(status)


def test_json_bodies_of_resources_have_examples_in_both_languages(operations):
    for name in ("create_dossier", "create_session", "create_decision"):
        content = operations[name][1]["requestBody"]["content"]["application/json"]
        assert set(content["examples"]) == {"vi", "en"}, name


def test_inputs_take_no_member_that_they_do_not_describe(document, operations):
    for name, (_, operation) in operations.items():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/octet-stream" or name == "oauth2_token":
                continue  # RFC 6749 §3.2: parameters that are not known are passed over
            for schema in objects(content["schema"], document):
                assert schema.get("additionalProperties") is False, (name, kind)


def objects(schema, document):
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for part in schema.get("anyOf", ()):
        if "$ref" in part:
            yield from objects(part, document)
    if schema.get("type") == "object":
        yield schema
