"""The other operations, and what every answer has in common."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from ekyc.api import ServerAddress, ServiceLimits
from ekyc.api.languages import preferred_language
from ekyc.api.scratch import Scratch
from ekyc.chip import ElementaryFile, derive_nonce
from ekyc.chip.upload_challenge import MAX_DG14_BYTES
from ekyc.errors import InputError
from ekyc.outcomes import reason_registry
from ekyc.storage import ACTIVE_AUTHENTICATION, CHIP_AUTHENTICATION


def get(ask, path, **options):
    headers = options.pop("headers", {})
    return ask(lambda client: client.get(path, headers=headers), **options)


def test_livez_answers(ask):
    response = get(ask, "/livez")

    assert response.status_code == 200
    assert response.json() == {"alive": True}
    assert response.headers["x-content-type-options"] == "nosniff"


def test_readyz_says_what_is_missing(ask, verifier, storage):
    assert get(ask, "/readyz").json() == {"ready": True, "database": "ok", "models": "ok"}

    verifier.missing_model = True
    with storage._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE ekyc_schema SET version_num = '9999'")
    response = get(ask, "/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "ready": False,
        "database": "storage.newer_schema",
        "models": "model.missing",
    }


def test_a_challenge_can_be_redeemed_once(ask, storage, validate_against):
    response = ask(lambda client: client.post("/v1/challenges"))

    assert response.status_code == 201
    body = response.json()
    validate_against("ekyc.challenge-new.1", body)
    nonce = storage.nonces.redeem(body["id"], ACTIVE_AUTHENTICATION)
    assert nonce.hex() == body["nonce_hex"]


def test_a_challenge_for_a_chip_says_what_to_send_and_keeps_its_secret(
    ask, storage, validate_against
):
    from ekyc.chip.sim import SimulatedIssuer
    from ekyc.samples import SampleCitizen
    from ekyc.samples.case import citizen_data

    card = SimulatedIssuer.create().issue_card(citizen_data(SampleCitizen.default()), b"\xff\xd8")
    wish = {
        "purpose": CHIP_AUTHENTICATION,
        "dg14": base64.b64encode(card.files.get(ElementaryFile.DG14)).decode(),
    }
    response = ask(lambda client: client.post("/v1/challenges", json=wish))

    assert response.status_code == 201
    body = response.json()
    validate_against("ekyc.challenge-new.1", body)
    assert body["purpose"] == CHIP_AUTHENTICATION
    assert body["chip_authentication"]["protocol"] == "CA-ECDH-AES-128"
    secret = storage.nonces.redeem(body["id"], CHIP_AUTHENTICATION)
    assert secret.hex() not in response.text
    assert derive_nonce(secret).hex() == body["nonce_hex"]


@pytest.mark.parametrize(
    ("dg14", "status", "code"),
    [
        (b"\x6e\x02\x31\x00", 422, "chip.ca_not_supported"),
        (b"no file", 422, None),
        (bytes(MAX_DG14_BYTES + 1), 422, "request.invalid"),
    ],
)
def test_a_file_that_offers_nothing_is_a_problem(ask, validate_against, dg14, status, code):
    wish = {"purpose": CHIP_AUTHENTICATION, "dg14": base64.b64encode(dg14).decode()}
    response = ask(lambda client: client.post("/v1/challenges", json=wish))

    assert response.status_code == status
    validate_against("ekyc.problem.1", response.json())
    assert response.json()["code"] == (code or response.json()["code"])


@pytest.mark.parametrize("announced", [True, False])
def test_the_body_of_a_small_request_is_bounded(ask, announced):
    async def chunks():
        for _ in range(40):
            yield b" " * 4096

    body = b" " * 70_000 if announced else chunks()
    headers = {"content-type": "application/json"}
    response = ask(lambda client: client.post("/v1/challenges", content=body, headers=headers))

    assert response.status_code == 413
    assert response.json()["code"] == "request.too_large"


@pytest.mark.parametrize(
    "body",
    [
        {"purpose": "chip-authentication"},
        {"dg14": "bgIxAA=="},
        {"ttl_s": 29},
        {"ttl_s": 3601},
        {"purpose": "signing"},
        {"colour": "red"},
        [],
        "x",
    ],
)
def test_a_malformed_wish_for_a_challenge_is_refused(ask, body):
    response = ask(lambda client: client.post("/v1/challenges", json=body))

    assert response.status_code == 422
    document = response.json()
    assert document["code"] == "request.invalid"
    assert document["errors"][0]["pointer"].startswith("/body")
    assert "red" not in json.dumps(document["errors"])


def test_reasons_are_published(ask, validate_against):
    body = get(ask, "/v1/reasons").json()
    validate_against("ekyc.reasons.1", body)

    assert {reason["code"] for reason in body["reasons"]} == set(reason_registry())


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "http.not_found"),
        ("GET", "/v1/verifications", 405, "http.method_not_allowed"),
        ("DELETE", "/livez", 405, "http.method_not_allowed"),
    ],
)
def test_http_errors_are_problems_too(ask, validate_against, method, path, status, code):
    response = ask(lambda client: client.request(method, path))

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    validate_against("ekyc.problem.1", response.json())
    assert response.json()["code"] == code
    assert ("allow" in response.headers) is (status == 405)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "vi"),
        ("", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("vi,en;q=0.9", "vi"),
        ("en;q=0.3, vi-VN;q=0.8", "vi"),
        ("fr, de;q=0.5", "vi"),
        ("*", "vi"),
        ("en;q=0", "vi"),
        ("en;q=nonsense,vi;q=0.1", "vi"),
        ("en;q=9", "vi"),
        ("," * 100_000, "vi"),
    ],
)
def test_the_language_is_what_the_caller_prefers(header, language):
    assert preferred_language(header) == language


def test_problems_speak_the_callers_language(ask):
    vi = get(ask, "/nowhere")
    en = get(ask, "/nowhere", headers={"accept-language": "en"})

    assert vi.json()["title"] == "Không tìm thấy"
    assert en.json()["title"] == "Not found"
    assert (vi.headers["content-language"], en.headers["content-language"]) == ("vi", "en")


@pytest.mark.parametrize(
    "made_by_a_program",
    [
        "0af7651916cd43dd8448eb211c80319c",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ],
)
def test_a_request_id_that_a_program_made_is_kept(ask, made_by_a_program):
    given = get(ask, "/nowhere", headers={"x-request-id": made_by_a_program})

    assert given.headers["x-request-id"] == made_by_a_program
    assert given.json()["instance"] == f"urn:ekyc:request:{made_by_a_program}"


@pytest.mark.parametrize("free_text", ["001099012345", "nguyen-van-a", "a b\tc", "a" * 33])
def test_a_request_id_in_which_a_person_could_stand_is_replaced(ask, free_text):
    odd = get(ask, "/livez", headers={"x-request-id": free_text})

    assert len(odd.headers["x-request-id"]) == 32
    assert odd.headers["x-request-id"] != free_text


def test_another_host_name_is_not_answered(ask):
    hosts = ServerAddress().hosts
    rebound = get(ask, "/livez", headers={"host": "evil.example:8765"}, hosts=hosts)
    ours = get(ask, "/livez", headers={"host": "127.0.0.1:8765"}, hosts=hosts)

    assert rebound.status_code == 421
    assert rebound.json()["code"] == "request.misdirected"
    assert ours.status_code == 200


def test_docs_need_nothing_from_elsewhere(ask):
    page = get(ask, "/docs")

    assert page.status_code == 200
    assert "/v1/verifications" in page.text
    assert "<script" not in page.text
    assert "src=" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert 'lang="vi"' in page.text
    assert 'lang="en"' in get(ask, "/docs", headers={"accept-language": "en"}).text


def test_every_operation_is_described_in_both_languages_with_its_errors(ask):
    document = get(ask, "/openapi.json").json()

    for methods in document["paths"].values():
        for operation in methods.values():
            assert any(letter in operation["description"] for letter in "ạảấầậắếềệọốộớờợủứừựỉịđ")
            assert "\n\n" in operation["description"]
            assert " / " in operation["summary"]
    post = document["paths"]["/v1/verifications"]["post"]
    assert {"200", "413", "415", "422", "503"} <= set(post["responses"])
    assert "multipart/form-data" in post["requestBody"]["content"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "portal.example", ""])
def test_an_address_that_others_reach_needs_consent(host):
    with pytest.raises(InputError) as caught:
        ServerAddress(host=host)
    assert caught.value.code == "serve.public_address"
    assert ServerAddress(host=host, insecure_public=True).hosts is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.9.1"])
def test_a_loopback_address_needs_none(host):
    assert host in ServerAddress(host=host).hosts or host == "::1"


def test_limits_that_admit_nothing_are_refused():
    with pytest.raises(ValueError, match="workers"):
        ServiceLimits(workers=0)


def test_uploads_left_by_a_killed_process_are_swept_and_those_in_use_are_not(tmp_path):
    in_use = Scratch.open(tmp_path)
    orphan = tmp_path / "ekyc-uploads-orphan"
    orphan.mkdir()
    (orphan / "lock").touch()
    (orphan / "portrait.jpg").write_bytes(b"somebody")
    unrelated = tmp_path / "ekyc-uploads-link"
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "lock").touch()
    unrelated.symlink_to(tmp_path / "precious")
    (tmp_path / "ekyc-uploads-dangling").symlink_to(tmp_path / "nowhere")

    mine = Scratch.open(tmp_path)
    with in_use.folder() as folder:
        assert folder.is_dir()
    mine.close()
    in_use.close()

    assert not orphan.exists()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"ekyc-uploads-dangling", "ekyc-uploads-link", "precious"}
    assert (tmp_path / "precious" / "lock").exists()


def test_many_requests_at_once_stay_apart(ask, verifier):
    async def talk(client):
        async def one(number):
            parts = [
                ("case", (None, b'schema = "ekyc.case/1"\nprofile = "identity"\n')),
                ("challenge_id", (None, str(number).encode())),
                ("file", (f"{number}.jpg", b"")),
            ]
            return (await client.post("/v1/verifications", files=parts)).json()

        return await asyncio.gather(*(one(number) for number in range(8)))

    answers = ask(talk)

    for number, answer in enumerate(answers):
        assert answer["challenge_id"] == str(number)
        assert set(answer["files"]) == {"case.toml", f"{number}.jpg"}


@pytest.mark.parametrize("headers", [[("x-a", "b")] * 101, [("x-a", "b" * 33_000)]])
def test_headers_are_bounded_in_number_and_size(ask, headers):
    for path in ("/livez", "/v1/reasons", "/nowhere"):
        answer = ask(lambda client, path=path: client.get(path, headers=headers))
        assert (answer.status_code, answer.json()["code"]) == (431, "request.headers")
        assert answer.headers["content-type"] == "application/problem+json"


def test_headers_that_a_proxy_adds_are_not_too_many(ask):
    headers = [(f"x-{number}", "b" * 300) for number in range(90)]
    assert ask(lambda client: client.get("/livez", headers=headers)).status_code == 200
