"""The signing interface as its clients use it: both versions, both keys, every way to authorise."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest
from asgi_client import running
from csc_desk import (
    ANOTHER,
    BACK,
    CLIENT,
    CODE,
    ECDSA,
    ME,
    PSS,
    SEAL_CLIENT,
    SEAL_SECRET,
    SECRET,
    SESSION,
    SHA256,
    SOMEBODY_ELSE,
    A,
    B,
    b64,
    basic,
    query_of,
    request_of,
    sign_v1,
    sign_v2,
    url64,
)
from signing_pilot import make_pdf

from ekyc.api import create_app
from ekyc.errors import UpstreamError
from ekyc.signing import Indication, inspect_pdf
from ekyc.signing.keys.algorithms import verify_value


def check(desk, credential, digest, value):
    verify_value(desk.identities[credential].key.public_key_der, digest, base64.b64decode(value))


@pytest.mark.parametrize(("credential", "algo"), [("c-ec", ECDSA), ("c-rsa", PSS)])
def test_version_1_signs_a_batch(desk, speaker, token, credential, algo):
    sad = speaker.sad_v1(token, A, B, credential=credential)
    body = sign_v1(sad, B, A, credential=credential, algo=algo)
    values = speaker.ask("v1/signatures/signHash", body, token=token)["signatures"]
    check(desk, credential, B, values[0])
    check(desk, credential, A, values[1])


@pytest.mark.parametrize(("credential", "algo"), [("c-ec", ECDSA), ("c-rsa", PSS)])
def test_version_2_signs_with_a_code(desk, speaker, token, credential, algo):
    body = {
        "credentialID": credential,
        "numSignatures": 1,
        "hashes": [b64(A)],
        "hashAlgorithmOID": SHA256,
        "authData": [{"id": "OTP", "value": CODE}],
    }
    sad = speaker.ask("v2/credentials/authorize", body, token=token)
    assert 0 < sad["expiresIn"] <= 120
    signing = sign_v2(sad["SAD"], A, credential=credential, algo=algo)
    (value,) = speaker.ask("v2/signatures/signHash", signing, token=token)["signatures"]
    check(desk, credential, A, value)


def test_verification_alone_authorises_where_the_credential_lets_it(desk, speaker, token):
    body = {"credentialID": "c-ec", "numSignatures": 1, "hash": [b64(A)]}
    sad = speaker.ask("v1/credentials/authorize", body, token=token)["SAD"]
    (value,) = speaker.ask("v1/signatures/signHash", sign_v1(sad, A), token=token)["signatures"]
    check(desk, "c-ec", A, value)
    body["credentialID"] = "c-plain"
    assert speaker.refusal("v1/credentials/authorize", body, token=token) == (
        400,
        "invalid_request",
        "Missing (or invalid type) string parameter OTP",
    )


def test_a_token_of_scope_credential_signs_by_itself(desk, speaker):
    token = speaker.credential_token(A, B)
    body = sign_v2(None, A, B)
    values = speaker.ask("v2/signatures/signHash", body, token=token)["signatures"]
    check(desk, "c-ec", A, values[0])
    check(desk, "c-ec", B, values[1])


def test_a_token_of_scope_credential_is_a_sad_beside_a_service_token(desk, speaker, token):
    sad = speaker.credential_token(A)
    (value,) = speaker.ask("v1/signatures/signHash", sign_v1(sad, A), token=token)["signatures"]
    check(desk, "c-ec", A, value)


def test_rich_requests_name_each_document_and_come_back_in_the_token(desk, speaker):
    details = [
        {
            "type": "credential",
            "credentialID": "c-ec",
            "documentDigests": [
                {"hash": b64(A), "label": "Đơn xin cấp"},
                {"hash": b64(B), "label": "Cam kết"},
            ],
            "hashAlgorithmOID": SHA256,
        }
    ]
    fields = request_of(scope=None, authorization_details=json.dumps(details))
    pushed = speaker.form("pushed_authorize", fields)
    assert pushed.status_code == 201
    uri = pushed.json()["request_uri"]
    short = {"client_id": CLIENT, "request_uri": uri}
    place = speaker.http.get("/csc/oauth2/authorize", params=short).headers["location"]
    ticket = query_of(place)["ticket"]
    asked = speaker.page("question", ticket=ticket)
    assert [one["title"] for one in asked["documents"]] == ["Đơn xin cấp", "Cam kết"]
    assert asked["client_name"] == "Ứng dụng của cổng"
    token = speaker.exchange(speaker.agree(ticket)["code"]).json()
    assert token["authorization_details"] == details
    assert token["scope"] == "credential"
    assert 0 < token["expires_in"] <= 120
    again = speaker.http.get("/csc/oauth2/authorize", params=short)
    assert again.status_code == 400  # a pushed request is good once
    body = sign_v2(None, A, B)
    values = speaker.ask("v2/signatures/signHash", body, token=token["access_token"])
    check(desk, "c-ec", A, values["signatures"][0])


def authenticator_says(options):
    """What the authenticator of :class:`csc_desk.OneCode` answers."""
    challenge = base64.urlsafe_b64decode(options["challenge"] + "=")
    return {
        "rawId": options["allowCredentials"][0]["id"],
        "response": {
            "clientDataJSON": url64(b"{}"),
            "authenticatorData": url64(b"data"),
            "signature": url64(hashlib.sha256(challenge).digest()),
        },
    }


def test_an_authenticator_answers_a_challenge_over_the_hashes(desk, speaker, token):
    asked = {
        "credentialID": "c-ec",
        "authObjectID": "webauthn",
        "hashes": [b64(A)],
        "hashAlgorithmOID": SHA256,
    }
    options = speaker.ask("v2/credentials/getChallenge", asked, token=token)
    assert options["rpId"] == "portal.example"
    said = json.dumps(authenticator_says(options))
    datum = {"id": "webauthn", "value": said, "handle": options["handle"]}
    body = {
        "credentialID": "c-ec",
        "numSignatures": 1,
        "hashes": [b64(B)],
        "hashAlgorithmOID": SHA256,
        "authData": [datum],
    }
    refused = speaker.refusal("v2/credentials/authorize", body, token=token)
    assert refused[2] == "Invalid parameter handle"  # another hash than was challenged
    body["hashes"] = [b64(A)]
    sad = speaker.ask("v2/credentials/authorize", body, token=token)["SAD"]
    (value,) = speaker.ask("v2/signatures/signHash", sign_v2(sad, A), token=token)["signatures"]
    check(desk, "c-ec", A, value)


def pending(speaker, token, *hashes):
    body = {
        "credentialID": "c-ec",
        "numSignatures": len(hashes),
        "hashes": [b64(one) for one in hashes],
        "hashAlgorithmOID": SHA256,
        "authData": [{"id": "webauthn"}],
        "description": "Đơn xin cấp",
    }
    return speaker.ask("v2/credentials/authorize", body, token=token, status=202)["handle"]


def test_a_person_answers_elsewhere_while_the_client_asks(desk, speaker, token):
    handle = pending(speaker, token, A)
    waiting = speaker.ask(
        "v2/credentials/authorizeCheck", {"handle": handle}, token=token, status=202
    )
    assert waiting == {"handle": handle}
    asked = speaker.page("question", handle=handle, method="verification+webauthn")
    assert asked["documents"] == [{"title": "Đơn xin cấp", "shown_sha256": A.hex(), "hash": b64(A)}]
    speaker.page(
        "answer", handle=handle, approve=True, webauthn=authenticator_says(asked["webauthn"])
    )
    sad = speaker.ask("v2/credentials/authorizeCheck", {"handle": handle}, token=token)["SAD"]
    (value,) = speaker.ask("v2/signatures/signHash", sign_v2(sad, A), token=token)["signatures"]
    check(desk, "c-ec", A, value)
    over = speaker.refusal("v2/credentials/authorizeCheck", {"handle": handle}, token=token)
    assert over == (400, "invalid_request", "Invalid parameter handle")


def test_a_person_says_no(desk, speaker, token):
    ticket = speaker.ticket()
    place = speaker.page("answer", ticket=ticket, approve=False)["redirect_to"]
    assert place.startswith(BACK + "&")
    assert query_of(place) == {
        "tenant": "1",
        "error": "access_denied",
        "error_description": "The person declined",
        "state": "st-1",
        "iss": "http://localhost/csc",
    }
    handle = pending(speaker, token, A)
    speaker.page("answer", handle=handle, approve=False)
    refused = speaker.refusal("v2/credentials/authorizeCheck", {"handle": handle}, token=token)
    assert refused[1] == "access_denied"


def test_a_wrong_code_may_be_tried_again(desk, speaker):
    wanted = {
        "scope": "credential",
        "credentialID": "c-plain",
        "numSignatures": "1",
        "hashes": url64(A),
        "hashAlgorithmOID": SHA256,
    }
    ticket = speaker.ticket(**wanted)
    speaker.page("question", ticket=ticket, method="verification+totp")
    wrong = {"ticket": ticket, "holder": ME, "session": SESSION, "approve": True, "otp": "000000"}
    headers_token = "secret-" + "d" * 40
    refused = speaker.refusal("consent/answer", wrong, token=headers_token)
    assert refused[1] == "invalid_authentication_data"
    assert "code" in speaker.agree(ticket, otp=CODE)


def test_a_client_logs_in_for_the_holder_it_is_registered_with(desk, speaker):
    def login(name, secret):
        return speaker.http.post(
            "/csc/v1/auth/login", json={}, headers={"Authorization": basic(name, secret)}
        )

    token = login(SEAL_CLIENT, SEAL_SECRET).json()["access_token"]
    assert speaker.ask("v1/credentials/list", token=token) == {"credentialIDs": ["c-other"]}
    for name, secret in ((CLIENT, SECRET), (SEAL_CLIENT, "wrong"), ("nobody", SECRET)):
        assert login(name, secret).json()["error"] == "authentication_error"
    speaker.ask("v1/auth/revoke", {"token": token}, token=token, status=204)
    assert speaker.refusal("v1/credentials/list", token=token)[:2] == (401, "invalid_token")


def test_whole_documents_are_signed_as_they_were_authorised(desk, speaker, token):
    documents = [
        {
            "document": b64(make_pdf(words)),
            "signature_format": "P",
            "conformance_level": level,
            "signAlgo": ECDSA,
            "signed_envelope_property": "Revision",
            "label": words,
        }
        for words, level in (("Application", "AdES-B-B"), ("Promise", "Ades-B-LTA"))
    ]
    body = {
        "credentialID": "c-ec",
        "numSignatures": 2,
        "documents": documents,
        "authData": [{"id": "OTP", "value": CODE}],
    }
    sad = speaker.ask("v2/credentials/authorize", body, token=token)["SAD"]
    signing = {"credentialID": "c-ec", "SAD": sad, "documents": documents[::-1]}
    swapped = {
        **signing,
        "documents": [documents[0], {**documents[1], "document": b64(make_pdf("x"))}],
    }
    assert speaker.refusal("v2/signatures/signDoc", swapped, token=token)[:2] == (
        403,
        "invalid_hash",
    )
    fewer = {**signing, "documents": documents[:1]}
    assert speaker.refusal("v2/signatures/signDoc", fewer, token=token)[:2] == (403, "invalid_hash")
    other_level = {
        **signing,
        "documents": [{**documents[0], "conformance_level": "Ades-B-T"}, documents[1]],
    }
    assert speaker.refusal("v2/signatures/signDoc", other_level, token=token)[0] == 403
    signed = speaker.ask("v2/signatures/signDoc", signing, token=token)["DocumentWithSignature"]
    for file in signed:
        report = inspect_pdf(
            base64.b64decode(file),
            anchors=desk.pilot.anchors,
            crls=desk.pilot.ca.material().crls,
            clock=desk.clock,
        )
        assert report.signatures[0].indication is Indication.TOTAL_PASSED, report
    assert speaker.refusal("v2/signatures/signDoc", signing, token=token)[0] == 400


def test_a_document_whose_timestamp_failed_is_finished_without_the_key(desk, speaker, token):
    stamp, sign = desk.pilot.authorities.timestamp_authority.answer, desk.signing.sign
    asked = []

    def down(request):
        raise UpstreamError("away", code="signing.fetch.unreachable")

    def counted(*arguments, **named):
        asked.append(named["hashes"])
        return sign(*arguments, **named)

    desk.signing.sign = counted
    document = {
        "document": b64(make_pdf()),
        "signature_format": "P",
        "conformance_level": "Ades-B-T",
        "signAlgo": ECDSA,
    }
    body = {"credentialID": "c-ec", "numSignatures": 1, "documents": [document]}
    sad = speaker.ask("v2/credentials/authorize", body, token=token)["SAD"]
    signing = {"credentialID": "c-ec", "SAD": sad, "documents": [document]}
    services = desk.front.service._documents._services
    desk.front.service._documents._services = replace(services, ask_for_time=down)
    assert speaker.refusal("v2/signatures/signDoc", signing, token=token)[:2] == (
        503,
        "temporarily_unavailable",
    )
    desk.front.service._documents._services = replace(services, ask_for_time=stamp)
    (signed,) = speaker.ask("v2/signatures/signDoc", signing, token=token)["DocumentWithSignature"]
    report = inspect_pdf(
        base64.b64decode(signed),
        anchors=desk.pilot.anchors,
        crls=desk.pilot.ca.material().crls,
        clock=desk.clock,
    )
    assert report.signatures[0].indication is Indication.TOTAL_PASSED, report
    assert len(asked) == 1


def test_timestamps_carry_the_nonce_of_the_client(desk, speaker, token):
    from asn1crypto import tsp

    asked = {"hash": b64(A), "hashAlgo": SHA256, "nonce": "0BADC0DE"}
    for version in ("v1", "v2"):
        said = speaker.ask(f"{version}/signatures/timestamp", asked, token=token)["timestamp"]
        content = tsp.ContentInfo.load(base64.b64decode(said))["content"]
        info = content["encap_content_info"]["content"].parsed
        assert info["nonce"].native == 0x0BADC0DE
        assert info["message_imprint"]["hashed_message"].native == A


def test_a_person_is_listed_their_own_credentials(desk, speaker, token):
    assert speaker.ask("v1/credentials/list", {"maxResults": 2}, token=token) == {
        "credentialIDs": ["c-ec", "c-rsa"],
        "nextPageToken": "2",
    }
    rest = speaker.ask("v1/credentials/list", {"pageToken": "2"}, token=token)
    assert rest == {"credentialIDs": ["c-plain"]}
    desk.verify(SOMEBODY_ELSE, ANOTHER)
    who = {"holder": SOMEBODY_ELSE, "session": ANOTHER}
    other = speaker.service_token(who=who)
    assert speaker.ask("v2/credentials/list", token=other) == {"credentialIDs": ["c-other"]}
    desk.disabled.add("c-rsa")
    said = speaker.ask(
        "v2/credentials/list",
        {"onlyValid": True, "credentialInfo": True, "certInfo": True, "authInfo": True},
        token=token,
    )
    assert said["credentialIDs"] == ["c-ec", "c-plain"]
    assert said["onlyValid"] is True
    first, plain = said["credentialInfos"]
    assert first["key"] == {
        "status": "enabled",
        "algo": [ECDSA],
        "len": 256,
        "curve": "1.2.840.10045.3.1.7",
    }
    assert first["auth"]["expression"] == "OTP OR webauthn"
    assert [one["id"] for one in plain["auth"]["objects"]] == ["OTP"]
    assert (first["SCAL"], first["multisign"]) == ("2", 100)
    assert first["cert"]["status"] == "valid"
    assert first["cert"]["subjectDN"].startswith("CN=")
    assert len(first["cert"]["certificates"]) == 1


def test_a_credential_is_described_in_both_versions(desk, speaker, token):
    asked = {"credentialID": "c-rsa", "certificates": "chain", "certInfo": True, "authInfo": True}
    one = speaker.ask("v1/credentials/info", asked, token=token)
    two = speaker.ask("v2/credentials/info", asked, token=token)
    assert one["key"] == two["key"] == {"status": "enabled", "algo": [PSS], "len": 3072}
    assert one["authMode"] == "explicit"
    assert (one["PIN"]["presence"], one["OTP"]["presence"]) == ("false", "optional")
    assert two["auth"]["mode"] == "explicit"
    assert base64.b64decode(one["cert"]["certificates"][0]) == (
        desk.identities["c-rsa"].certificate_der
    )
    assert len(one["cert"]["certificates"]) == 1 + len(desk.pilot.ca.chain_der)
    bare = speaker.ask("v1/credentials/info", {**asked, "certificates": "none"}, token=token)
    assert "certificates" not in bare["cert"]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_info_lists_what_there_is(desk, speaker, http, version):
    said = speaker.ask(f"{version}/info")
    assert said["specs"] == {"v1": "1.0.4.0", "v2": "2.0.0.0"}[version]
    assert said["oauth2"] == "http://localhost/csc"
    assert said["authType"] == ["basic", "oauth2code"]
    described = http.get("/openapi.json").json()["paths"]
    for method in said["methods"]:
        prefix = "/csc" if method.startswith("oauth2") else f"/csc/{version}"
        assert f"{prefix}/{method}" in described
    metadata = http.get("/.well-known/oauth-authorization-server/csc").json()
    assert metadata["issuer"] == said["oauth2"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]


def test_every_operation_is_described_in_both_languages(http):
    paths = http.get("/openapi.json").json()["paths"]
    ours = [o for p, item in paths.items() if "/csc" in p for o in item.values()]
    assert len(ours) > 20
    assert "/csc/v2/signatures/signHash" in http.get("/docs").text
    for operation in ours:
        assert " / " in operation["summary"]


def test_nothing_is_there_where_no_signing_service_is(desk, verifier, tmp_path):

    with running(create_app(verifier, desk.storage, scratch_parent=tmp_path)) as client:
        assert client.post("/csc/v1/info", json={}).status_code == 404
        assert "/csc/v1/info" not in client.get("/openapi.json").json()["paths"]
