"""The attack table of the signing interface: each attempt, and what it ends in. Nothing is signed in any of them."""

import json
from datetime import timedelta

import pytest
from cryptography import x509
from csc_desk import (
    ANOTHER,
    BACK,
    CLIENT,
    CODE,
    ECDSA,
    OTHER_BACK,
    OTHER_CLIENT,
    OTHER_SECRET,
    PSS,
    SECRET,
    SHA256,
    SOMEBODY_ELSE,
    VERIFIER,
    A,
    B,
    C,
    b64,
    basic,
    query_of,
    request_of,
    sign_v1,
    sign_v2,
    told,
    url64,
)

from ekyc.errors import UpstreamError
from ekyc.policy import Verdict

WRONG_SAD = (400, "invalid_request", "Invalid parameter SAD")
SPENT_SAD = (400, "invalid_request", "Invalid parameter SAD: it was used already")
NOT_THESE = (400, "invalid_request", "Hash is not authorized by the SAD")
WANTED = {
    "scope": "credential",
    "credentialID": "c-ec",
    "numSignatures": "1",
    "hashes": url64(A),
    "hashAlgorithmOID": SHA256,
}


class Proxy:
    """Something else, but for what is replaced."""

    def __init__(self, behind, **replaced):
        self._behind = behind
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(self._behind, name)


def sign(speaker, token, body, version="v1"):
    return speaker.refusal(f"{version}/signatures/signHash", body, token=token)


def authorise(speaker, token, **changed):
    usual = {"credentialID": "c-ec", "numSignatures": 1, "hash": [b64(A)], "OTP": CODE}
    body = {name: value for name, value in (usual | changed).items() if value is not None}
    return speaker.refusal("v1/credentials/authorize", body, token=token)


@pytest.fixture
def other(desk, speaker):
    """A service token of somebody else, through the same client."""
    desk.verify(SOMEBODY_ELSE, ANOTHER)
    return speaker.service_token(who={"holder": SOMEBODY_ELSE, "session": ANOTHER})


class TestSad:
    def test_replayed(self, speaker, token):
        sad = speaker.sad_v1(token, A)
        speaker.ask("v1/signatures/signHash", sign_v1(sad, A), token=token)
        assert sign(speaker, token, sign_v1(sad, A)) == WRONG_SAD

    def test_replayed_where_the_token_is_the_sad(self, speaker):
        token = speaker.credential_token(A)
        speaker.ask("v2/signatures/signHash", sign_v2(None, A), token=token)
        assert sign(speaker, token, sign_v2(None, A), "v2") == SPENT_SAD

    def test_repeated_after_the_answer_was_lost(self, desk, speaker, token):
        """The value left and never arrived: it is not given again, and the next needs another verification."""
        sad = speaker.sad_v1(token, A)
        signing, lost = desk.signing, []

        def sign_and_die(*arguments, **options):
            lost.append(signing.sign(*arguments, **options))
            raise UpstreamError("no answer came", code="signing.sam.lost")

        desk.front.service._signing = Proxy(signing, sign=sign_and_die)
        first = sign(speaker, token, sign_v1(sad, A))
        desk.front.service._signing = signing
        assert first[:2] == (503, "temporarily_unavailable")
        assert len(lost) == 1
        assert sign(speaker, token, sign_v1(sad, A)) == SPENT_SAD
        fresh = sign(speaker, token, sign_v1(speaker.sad_v1(token, A), A))
        assert fresh[:2] == (400, "access_denied")
        desk.clock.advance(timedelta(seconds=1))
        desk.verify()
        speaker.ask("v1/signatures/signHash", sign_v1(speaker.sad_v1(token, A), A), token=token)

    def test_behind_the_front_a_replay_is_refused_too(self, desk, speaker, token):
        """The signing side burns by itself: it does not rely on the token being gone."""
        sad = speaker.sad_v1(token, A)
        desk.front.service._grants.revoke = lambda *_: None
        speaker.ask("v1/signatures/signHash", sign_v1(sad, A), token=token)
        assert sign(speaker, token, sign_v1(sad, A)) == SPENT_SAD

    def test_one_verification_for_two(self, speaker, token):
        first, second = (speaker.sad_v1(token, A) for _ in range(2))
        speaker.ask("v1/signatures/signHash", sign_v1(first, A), token=token)
        assert sign(speaker, token, sign_v1(second, A))[1] == "access_denied"

    @pytest.mark.parametrize("hashes", [(A, B, C), (A,), (A, C), (A, A), (C, C)])
    def test_with_other_hashes(self, speaker, token, hashes):
        sad = speaker.sad_v1(token, A, B)
        assert sign(speaker, token, sign_v1(sad, *hashes)) == NOT_THESE

    def test_expired(self, desk, speaker, token):
        sad = speaker.sad_v1(token, A)
        desk.clock.advance(timedelta(seconds=121))
        assert sign(speaker, token, sign_v1(sad, A)) == (400, "invalid_request", "SAD expired")

    def test_for_another_credential_of_the_same_person(self, speaker, token):
        sad = speaker.sad_v1(token, A)
        assert sign(speaker, token, sign_v1(sad, A, credential="c-rsa", algo=PSS)) == (
            400,
            "invalid_request",
            "Invalid parameter credentialID",
        )

    def test_stolen_by_another_person(self, speaker, token, other):
        sad = speaker.sad_v1(token, A)
        assert sign(speaker, other, sign_v1(sad, A)) == WRONG_SAD

    def test_stolen_by_another_client(self, desk, speaker, token):
        sad = speaker.sad_v1(token, A)
        thief = speaker.exchange(
            speaker.code(client_id=OTHER_CLIENT, redirect_uri=OTHER_BACK),
            auth=(OTHER_CLIENT, OTHER_SECRET),
            redirect_uri=OTHER_BACK,
        ).json()["access_token"]
        assert sign(speaker, thief, sign_v1(sad, A)) == WRONG_SAD

    @pytest.mark.parametrize("sad", ["", "x", "A" * 43, "a.b.c"])
    def test_made_up(self, speaker, token, sad):
        assert sign(speaker, token, sign_v1(sad, A)) == WRONG_SAD

    def test_left_out(self, speaker, token):
        body = {**sign_v1("x", A)}
        del body["SAD"]
        assert sign(speaker, token, body)[2] == "Missing (or invalid type) string parameter SAD"

    def test_a_service_token_is_no_sad(self, speaker, token):
        assert sign(speaker, token, sign_v1(token, A)) == WRONG_SAD

    def test_of_a_credential_switched_off_since(self, desk, speaker, token):
        sad = speaker.sad_v1(token, A)
        certificate = desk.identities["c-ec"].certificate_der
        desk.pilot.ca.revoke(certificate, x509.ReasonFlags.key_compromise)
        assert sign(speaker, token, sign_v1(sad, A))[2] == (
            "The credential identified by credentialID is disabled"
        )


class TestPersons:
    @pytest.mark.parametrize("path", ["v1/credentials/info", "v2/credentials/info"])
    @pytest.mark.parametrize("name", ["c-other", "c-none"])
    def test_another_s_credential_looks_like_none(self, speaker, token, path, name):
        refused = speaker.refusal(path, {"credentialID": name}, token=token)
        assert refused == (400, "invalid_request", "Invalid parameter credentialID")
        assert authorise(speaker, token, credentialID=name)[2] == "Invalid parameter credentialID"

    def test_a_user_cannot_be_named(self, speaker, token):
        for version in ("v1", "v2"):
            body = {"userID": SOMEBODY_ELSE}
            refused = speaker.refusal(f"{version}/credentials/list", body, token=token)
            assert refused[2] == "userID parameter MUST be null"

    def test_nobody_was_verified(self, desk, speaker, token):
        desk.decisions.made.clear()
        assert authorise(speaker, token)[1:] == (
            "access_denied",
            "Nobody was verified in this session",
        )

    @pytest.mark.parametrize("verdict", [Verdict.REVIEW, Verdict.REJECT])
    def test_the_decision_was_not_accept(self, desk, speaker, token, verdict):
        desk.verify(verdict=verdict)
        assert authorise(speaker, token)[1] == "access_denied"

    def test_the_decision_was_yesterday(self, desk, speaker, token):
        desk.clock.advance(timedelta(minutes=11))
        assert authorise(speaker, token)[1:] == ("access_denied", "The verification is not fresh")

    def test_a_ticket_answered_in_another_session(self, desk, speaker):
        ticket = speaker.ticket(**WANTED)
        speaker.page("question", ticket=ticket)
        told_by = {"ticket": ticket, "holder": SOMEBODY_ELSE, "session": ANOTHER, "approve": True}
        refused = speaker.refusal("consent/answer", told_by, token="secret-" + "d" * 40)
        assert refused[2] == "Nobody was asked yet, or too long ago"

    def test_an_answer_without_a_question(self, speaker):
        body = {"ticket": speaker.ticket(**WANTED), "holder": "0" * 64, "session": "1" * 64}
        body["approve"] = True
        refused = speaker.refusal("consent/answer", body, token="secret-" + "d" * 40)
        assert refused[0] == 400

    @pytest.mark.parametrize("secret", ["secret-" + "a" * 40, "", "x"])
    def test_somebody_plays_the_portal(self, speaker, secret):
        body = {"ticket": speaker.ticket(), "holder": "0" * 64, "session": "1" * 64}
        for path, more in (("question", {}), ("answer", {"approve": True})):
            refused = speaker.refusal(f"consent/{path}", body | more, token=secret)
            assert refused[0] == (401 if secret else 400)

    def test_a_wrong_code(self, speaker, token):
        assert authorise(speaker, token, OTP="000000") == (400, "invalid_otp", "The OTP is invalid")
        assert authorise(speaker, token, PIN="1234")[1] == "invalid_pin"


class TestHandles:
    @pytest.fixture
    def handle(self, speaker, token):
        body = {
            "credentialID": "c-ec",
            "numSignatures": 1,
            "hashes": [b64(A)],
            "hashAlgorithmOID": SHA256,
            "authData": [{"id": "webauthn"}],
        }
        return speaker.ask("v2/credentials/authorize", body, token=token, status=202)["handle"]

    def test_of_another_person(self, speaker, other, handle):
        refused = speaker.refusal("v2/credentials/authorizeCheck", {"handle": handle}, token=other)
        assert refused[2] == "Invalid parameter handle"

    def test_made_up_and_expired(self, desk, speaker, token, handle):
        check = "v2/credentials/authorizeCheck"
        for name in ("A" * 43, "short", ""):
            refused = speaker.refusal(check, {"handle": name}, token=token)
            assert refused[2] == "Invalid parameter handle"
        desk.clock.advance(timedelta(minutes=3))
        assert speaker.refusal(check, {"handle": handle}, token=token)[0] == 400

    def test_an_authenticator_that_signed_something_else(self, speaker, token, handle):
        speaker.page("question", handle=handle, method="verification+webauthn")
        said = {
            "rawId": "YQ",
            "response": {"clientDataJSON": "YQ", "authenticatorData": "YQ", "signature": "YQ"},
        }
        body = {
            "handle": handle,
            "holder": "0" * 64,
            "session": "1" * 64,
            "approve": True,
            "webauthn": said,
        }
        assert speaker.refusal("consent/answer", body, token="secret-" + "d" * 40)[0] == 400
        waiting = speaker.ask(
            "v2/credentials/authorizeCheck", {"handle": handle}, token=token, status=202
        )
        assert waiting == {"handle": handle}


class TestAuthorizationRequests:
    """Until client and address are known good, nothing goes back through the browser."""

    @pytest.mark.parametrize(
        "changed",
        [
            {"client_id": None},
            {"client_id": "nobody"},
            {"redirect_uri": None},
            {"redirect_uri": "https://evil.example/back"},
            {"redirect_uri": OTHER_BACK},
            {"redirect_uri": BACK + "&more=1"},
            {"redirect_uri": BACK.removesuffix("?tenant=1")},
            {"redirect_uri": BACK.replace("app.example", "app.example.evil.example")},
            {"redirect_uri": BACK.replace("https", "http")},
            {"redirect_uri": BACK.replace("app.example", "user@app.example")},
            {"redirect_uri": BACK.replace("/back", "/./back")},
            {"redirect_uri": BACK.upper()},
            {"redirect_uri": BACK + "#x"},
            {"redirect_uri": BACK + "%00"},
        ],
    )
    def test_from_nobody_or_to_elsewhere(self, speaker, changed):
        response = speaker.authorize(**changed)
        assert "location" not in response.headers
        assert told(response)[:2] == (400, "invalid_request")

    @pytest.mark.parametrize(
        ("changed", "word"),
        [
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge_method": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge": VERIFIER + "="}, "invalid_request"),
            ({"code_challenge": "short"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": None}, "invalid_request"),
            ({"scope": "service credential"}, "invalid_scope"),
            ({"scope": "openid"}, "invalid_scope"),
            ({"scope": "credential"}, "invalid_request"),
            (WANTED | {"numSignatures": "2"}, "invalid_request"),
            (WANTED | {"numSignatures": "0"}, "invalid_request"),
            (WANTED | {"numSignatures": "x"}, "invalid_request"),
            (WANTED | {"hashes": None}, "invalid_request"),
            (WANTED | {"hashes": "AAAA"}, "invalid_request"),
            (WANTED | {"hashAlgorithmOID": "1.3.14.3.2.26"}, "invalid_request"),
            (
                WANTED | {"hashes": ",".join([url64(A)] * 101), "numSignatures": "101"},
                "invalid_request",
            ),
            ({"scope": "service", "authorization_details": "[]"}, "invalid_scope"),
            ({"scope": None, "authorization_details": "{"}, "invalid_authorization_details"),
            ({"scope": None, "authorization_details": "[{},{}]"}, "invalid_authorization_details"),
            ({"state": "s" * 256}, "invalid_request"),
        ],
    )
    def test_that_break_a_rule(self, speaker, changed, word):
        place = speaker.authorize(**changed).headers["location"]
        assert place.startswith(BACK + "&")
        said = query_of(place)
        assert said["error"] == word
        assert said["iss"] == "http://localhost/csc"
        assert "code" not in said

    def test_with_a_parameter_twice(self, speaker, http):
        pairs = [*request_of().items(), ("redirect_uri", "https://evil.example/")]
        response = http.get("/csc/oauth2/authorize", params=pairs)
        assert told(response) == (400, "invalid_request", "A parameter stands twice")

    def test_pushed_by_one_client_for_another(self, speaker):
        response = speaker.form("pushed_authorize", request_of(), (OTHER_CLIENT, OTHER_SECRET))
        assert told(response)[0] == 400
        pushed = speaker.form("pushed_authorize", request_of()).json()["request_uri"]
        short = {"client_id": OTHER_CLIENT, "request_uri": pushed}
        assert speaker.http.get("/csc/oauth2/authorize", params=short).status_code == 400

    def test_with_more_beside_a_pushed_one(self, speaker):
        pushed = speaker.form("pushed_authorize", request_of()).json()["request_uri"]
        more = {"client_id": CLIENT, "request_uri": pushed, "scope": "credential"}
        assert speaker.http.get("/csc/oauth2/authorize", params=more).status_code == 400


class TestCodes:
    def refused(self, speaker, code, **options):
        status, word, _ = told(speaker.exchange(code, **options))
        return status, word

    def test_replayed(self, speaker):
        """And what the first use gave is gone: somebody else has the code too."""
        code = speaker.code()
        token = speaker.exchange(code).json()["access_token"]
        assert self.refused(speaker, code) == (400, "invalid_grant")
        assert speaker.refusal("v1/credentials/list", token=token)[:2] == (401, "invalid_token")

    def test_late(self, desk, speaker):
        code = speaker.code()
        desk.clock.advance(timedelta(seconds=61))
        assert self.refused(speaker, code) == (400, "invalid_grant")

    def test_of_another_client(self, speaker):
        code = speaker.code()
        assert self.refused(speaker, code, auth=(OTHER_CLIENT, OTHER_SECRET)) == (
            400,
            "invalid_grant",
        )
        assert self.refused(speaker, code) == (400, "invalid_grant")  # it is burnt

    @pytest.mark.parametrize("verifier", ["w" * 43, "short", VERIFIER + "x", "v" * 129])
    def test_with_another_verifier(self, speaker, verifier):
        assert self.refused(speaker, speaker.code(), verifier=verifier) == (400, "invalid_grant")

    def test_without_a_verifier(self, speaker):
        response = speaker.exchange(speaker.code(), code_verifier=None)
        assert told(response)[:2] == (400, "invalid_grant")

    @pytest.mark.parametrize("uri", [None, BACK + "&x=1", OTHER_BACK])
    def test_with_another_address(self, speaker, uri):
        response = speaker.exchange(speaker.code(), redirect_uri=uri)
        assert told(response)[:2] == (400, "invalid_grant")

    @pytest.mark.parametrize("grant", ["client_credentials", "refresh_token", "password", None])
    def test_of_another_grant(self, speaker, grant):
        response = speaker.exchange(speaker.code(), grant_type=grant)
        assert told(response)[0] == 400

    @pytest.mark.parametrize(
        "auth", [None, (CLIENT, "wrong"), ("nobody", SECRET), (CLIENT, ""), (CLIENT, OTHER_SECRET)]
    )
    def test_of_a_client_that_does_not_prove_itself(self, speaker, auth):
        code = speaker.code()
        response = speaker.exchange(code, auth=auth)
        assert told(response) == (401, "invalid_client", "Client authentication failed")
        assert speaker.exchange(code).status_code == 200  # the code was not touched

    def test_of_a_client_that_proves_itself_twice(self, speaker):
        response = speaker.exchange(speaker.code(), client_secret=SECRET)
        assert told(response)[0] == 400

    def test_a_secret_in_the_form_will_do(self, speaker):
        response = speaker.exchange(
            speaker.code(), auth=None, client_id=CLIENT, client_secret=SECRET
        )
        assert response.status_code == 200

    def test_json_is_no_form(self, speaker, http):
        response = http.post(
            "/csc/oauth2/token",
            json={"grant_type": "authorization_code"},
            headers={"Authorization": basic(CLIENT, SECRET)},
        )
        assert told(response)[0] == 400


class TestTokens:
    def test_expired(self, desk, speaker, token):
        desk.clock.advance(timedelta(hours=1))
        assert speaker.refusal("v1/credentials/list", token=token)[:2] == (401, "invalid_token")

    @pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer", "Bearer ", "bearer x y"])
    def test_malformed(self, http, header):
        response = http.post("/csc/v1/credentials/list", json={}, headers={"Authorization": header})
        assert response.status_code in {400, 401}
        assert set(response.json()) == {"error", "error_description"}

    def test_missing(self, http):
        response = http.post("/csc/v2/credentials/list", json={})
        assert told(response)[:2] == (401, "invalid_token")
        assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("place", ["code", "ticket", "sad"])
    def test_another_kind_of_token(self, speaker, token, place):
        other = {
            "code": speaker.code,
            "ticket": speaker.ticket,
            "sad": lambda: speaker.sad_v1(token, A),
        }[place]()
        assert speaker.refusal("v1/credentials/list", token=other)[:2] == (401, "invalid_token")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("v1/credentials/list", {}),
            ("v2/credentials/info", {"credentialID": "c-ec"}),
            (
                "v1/credentials/authorize",
                {"credentialID": "c-ec", "numSignatures": 1, "hash": [b64(B)]},
            ),
            ("v2/credentials/authorizeCheck", {"handle": "A" * 43}),
        ],
    )
    def test_scope_credential_opens_nothing_else(self, speaker, path, body):
        token = speaker.credential_token(A)
        assert speaker.refusal(path, body, token=token)[:2] == (403, "insufficient_scope")

    def test_scope_credential_signs_nothing_else(self, speaker):
        token = speaker.credential_token(A)
        assert sign(speaker, token, sign_v2(None, B), "v2") == NOT_THESE
        refused = sign(speaker, token, sign_v2(None, A, credential="c-rsa", algo=PSS), "v2")
        assert refused[2] == "Invalid parameter credentialID"

    def test_revoked_by_its_client_alone(self, speaker, token):
        other = (OTHER_CLIENT, OTHER_SECRET)
        assert speaker.form("revoke", {"token": token}, other).status_code == 204
        speaker.ask("v1/credentials/list", token=token)
        assert speaker.form("revoke", {"token": token}).status_code == 204
        assert speaker.refusal("v1/credentials/list", token=token)[0] == 401
        assert speaker.form("revoke", {"token": "unknown"}).status_code == 204


class TestBodies:
    """Sizes, types and values, in the words of the standard."""

    def test_a_batch_too_large(self, speaker, token):
        many = [b64(A)] * 101
        assert authorise(speaker, token, hash=many, numSignatures=101)[2] == (
            "Numbers of signatures is too high"
        )
        body = sign_v1("A" * 43, *([A] * 101))
        assert sign(speaker, token, body)[2] == "Numbers of signatures is too high"

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"hash": []}, "Empty hash array"),
            ({"hash": [b64(A[:20])]}, "Invalid digest value length"),
            ({"hash": [b64(A + A)]}, "Invalid digest value length"),
            ({"hash": ["%%%"]}, "Invalid Base64 hash string parameter"),
            ({"hash": [b64(A) + "\n"]}, "Invalid Base64 hash string parameter"),
            ({"hash": [1]}, "Invalid Base64 hash string parameter"),
            ({"hash": b64(A)}, "Missing (or invalid type) array parameter hash"),
            ({"hash": None}, "Missing (or invalid type) array parameter hash"),
            ({"numSignatures": 0}, "Invalid value for parameter numSignatures"),
            ({"numSignatures": -1}, "Invalid value for parameter numSignatures"),
            ({"numSignatures": 2}, "Invalid value for parameter numSignatures"),
            ({"numSignatures": "1"}, "Missing (or invalid type) integer parameter numSignatures"),
            ({"numSignatures": None}, "Missing (or invalid type) integer parameter numSignatures"),
            ({"credentialID": None}, "Missing (or invalid type) string parameter credentialID"),
            ({"credentialID": 7}, "Missing (or invalid type) string parameter credentialID"),
            ({"credentialID": "../c-ec"}, "Invalid parameter credentialID"),
        ],
    )
    def test_authorize(self, speaker, token, changed, sentence):
        assert authorise(speaker, token, **changed) == (400, "invalid_request", sentence)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"hashAlgo": "1.3.14.3.2.26"}, "Invalid parameter hashAlgo"),
            ({"hashAlgo": "2.16.840.1.101.3.4.2.3"}, "Invalid parameter hashAlgo"),
            ({"signAlgo": PSS}, "Invalid parameter signAlgo"),
            ({"signAlgo": "1.2.840.113549.1.1.11"}, "Invalid parameter signAlgo"),
            ({"signAlgo": "1.2.840.113549.1.1.1"}, "Invalid parameter signAlgo"),
            ({"signAlgo": None}, "Missing (or invalid type) string parameter signAlgo"),
            ({"signAlgoParams": "AAAA"}, "Invalid parameter signAlgoParams"),
        ],
    )
    def test_sign_hash(self, speaker, token, changed, sentence):
        sad = speaker.sad_v1(token, A)
        body = {**sign_v1(sad, A), **changed}
        body = {name: value for name, value in body.items() if value is not None}
        assert sign(speaker, token, body) == (400, "invalid_request", sentence)

    @pytest.mark.parametrize("parameters", ["", "MAA=", b64(bytes(400)), "MDSgDw=="])
    def test_parameters_of_pss(self, speaker, token, parameters):
        sad = speaker.sad_v1(token, A, credential="c-rsa")
        body = sign_v1(sad, A, credential="c-rsa", algo=PSS, signAlgoParams=parameters)
        assert sign(speaker, token, body)[2] == "Invalid parameter signAlgoParams"

    def test_plain_rsa_is_not_offered(self, speaker, token):
        sad = speaker.sad_v1(token, A, credential="c-rsa")
        body = sign_v1(sad, A, credential="c-rsa", algo="1.2.840.113549.1.1.1")
        assert sign(speaker, token, body)[2] == (
            "Missing (or invalid type) string parameter signAlgoParams"
        )

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 30000])
    def test_no_json(self, http, token, content):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        response = http.post("/csc/v1/credentials/authorize", content=content, headers=headers)
        assert told(response)[:2] == (400, "invalid_request")

    @pytest.mark.parametrize("path", ["v1/credentials/authorize", "oauth2/token"])
    def test_a_body_too_large(self, http, token, path):
        async def chunks():
            for _ in range(40):
                yield b" " * 4096

        kind = "application/x-www-form-urlencoded" if "oauth2" in path else "application/json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        response = http.post(f"/csc/{path}", content=chunks(), headers=headers)
        assert response.status_code == 413
        assert set(response.json()) == {"error", "error_description"}

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"signature_format": "C"}, "Invalid parameter signature_format"),
            ({"conformance_level": "Ades-X"}, "Invalid parameter conformance_level"),
            (
                {"signed_envelope_property": "Parallel"},
                "Invalid parameter signed_envelope_property",
            ),
            ({"document": "%%"}, "Invalid Base64 documents string parameter"),
            ({"document": b64(b"no pdf")}, "Invalid array parameter documents"),
            ({"signAlgo": PSS}, "Invalid parameter signAlgo"),
            ({"signed_props": [{"attribute_name": "Reason"}]}, "Invalid parameter signed_props"),
        ],
    )
    def test_documents(self, speaker, token, changed, sentence):
        document = {"document": b64(b"%PDF"), "signature_format": "P", "signAlgo": ECDSA}
        body = {"credentialID": "c-ec", "numSignatures": 1, "documents": [{**document, **changed}]}
        refused = speaker.refusal("v2/credentials/authorize", body, token=token)
        assert refused == (400, "invalid_request", sentence)

    def test_sign_doc_wants_documents_and_a_sad(self, speaker, token):
        path, name = "v2/signatures/signDoc", {"credentialID": "c-ec"}
        assert speaker.refusal(path, {}, token=token)[2].endswith("credentialID")
        assert speaker.refusal(path, name, token=token)[2].endswith("SAD")
        digests = {**name, "SAD": "x", "documentDigests": []}
        assert speaker.refusal(path, digests, token=token)[2] == "Invalid parameter documentDigests"
        both = {**digests, "documents": []}
        assert speaker.refusal(path, both, token=token)[2].startswith("Both")
        later = {**name, "operationMode": "A"}
        assert speaker.refusal(path, later, token=token)[2] == "Invalid parameter operationMode"

    def test_nothing_given_comes_back_in_a_refusal(self, speaker, token):
        marker = "079185001234"
        refused = authorise(speaker, token, credentialID=marker, hash=[marker], PIN=marker)
        assert marker not in json.dumps(refused)

    @pytest.mark.parametrize(
        ("changed", "sentence"),
        [
            ({"hash": ""}, "Empty hash parameter"),
            ({"hash": b64(A[:20])}, "Invalid digest value length"),
            ({"hashAlgo": "1.3.14.3.2.26"}, "Invalid parameter hashAlgo"),
            ({"nonce": "xyz"}, "Invalid parameter nonce"),
            ({"nonce": ""}, "Invalid parameter nonce"),
        ],
    )
    def test_timestamp(self, speaker, token, changed, sentence):
        body = {"hash": b64(A), "hashAlgo": SHA256} | changed
        refused = speaker.refusal("v1/signatures/timestamp", body, token=token)
        assert refused == (400, "invalid_request", sentence)
