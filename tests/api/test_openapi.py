"""docs/openapi.json is what the service says of itself, and says enough."""

from __future__ import annotations

import json

import pytest
from described_service import described

OUR_FAULTS = {"dossier.log_damaged", "internal"}
METHODS = {"get", "post", "patch", "delete", "put"}
RESOURCES = (
    *("/v1/procedures", "/v1/dossiers", "/v1/sessions", "/v1/captures"),
    *("/v1/tools/", "/v1/webhook-", "/v1/data-subject-requests", "/v1/audit/", "/v1/reports/"),
)

WITHOUT_A_KEY = {
    "oauth2_token": "RFC 6749 says how it is asked; the assertion of a client is good once, and a token more harms nobody",
    "logout": "ends what is ended already, when sent again",
    "create_challenge": "a nonce told twice is no nonce; one that nobody uses ends by itself",
    "create_verification": "makes no resource: all that is kept is a line of the log, and the challenge is good once",
    "begin_liveness_session": "begins once: sent again it is refused, whatever the key, for the clock runs",
    "send_liveness_chunk": "the same bytes are the same chunk, and counted once",
    "finish_liveness_session": "judged once; asked again, the answer is the same",
    **dict.fromkeys(
        (
            *("inspect_chip", "read_card", "read_document", "compare_copy", "compare_faces"),
            *("inspect_liveness", "validate_signatures", "verify_result"),
        ),
        "a question: nothing is stored",
    ),
}


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


def test_every_post_takes_a_key_or_needs_none(document):
    """And no PATCH, PUT or DELETE needs one: they leave the same behind however often they come."""
    posts = {
        operation["operationId"]: [
            one["required"]
            for one in operation.get("parameters", ())
            if one["name"] == "Idempotency-Key"
        ]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method == "post"
    }
    assert {name for name, keys in posts.items() if keys != [True]} == set(WITHOUT_A_KEY)
    assert {"create_chip_session", "create_liveness_session"} <= set(posts)


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


def test_no_refusal_is_declared_as_a_fault_of_ours(operations):
    """A code that nobody gave a status would stand under 500, and every client be told to expect the wrong one."""
    statuses = {}
    for _, operation in operations.values():
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    if isinstance(example.get("value"), dict) and "code" in example["value"]:
                        statuses.setdefault(example["value"]["code"], set()).add(status)

    assert len(statuses) > 100
    assert {code for code, given in statuses.items() if "500" in given} <= OUR_FAULTS
    assert {code for code, given in statuses.items() if len(given) > 1} == set()


def test_every_answer_and_parameter_is_described_in_both_languages(document, operations):
    for name, (_, operation) in operations.items():
        for status, response in operation["responses"].items():
            assert " / " in response["description"], (name, status)
        for parameter in operation.get("parameters", ()):
            assert " / " in parameter.get("description", ""), (name, parameter["name"])
        assert all(tag.partition(" / ")[2] or tag == "OAuth 2.0" for tag in operation["tags"]), name
    assert "HTTPValidationError" not in json.dumps(document)


def test_json_bodies_of_resources_have_examples_in_both_languages(operations):
    for name in ("create_dossier", "create_session", "create_decision"):
        content = operations[name][1]["requestBody"]["content"]["application/json"]
        assert set(content["examples"]) == {"vi", "en"}, name


def test_questions_to_tools_have_examples_in_both_languages(operations):
    asked = [operation for path, operation in operations.values() if path.startswith("/v1/tools/")]
    assert len(asked) == 8
    for operation in asked:
        [content] = operation["requestBody"]["content"].values()
        assert set(content["examples"]) == {"vi", "en"}
        vi, en = (content["examples"][language]["summary"] for language in ("vi", "en"))
        assert vi
        assert vi != en


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
