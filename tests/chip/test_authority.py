"""A national verification service: what it is asked, and which answers count."""

import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from authority_service import (
    NOW,
    base64url,
    certificate_pem,
    compact_jws,
    new_key,
    public_pem,
    sign,
)
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip import ElementaryFile, inspect_chip
from ekyc.chip.authority import (
    CHECK_AUTHORITY,
    AuthorityVerdict,
    ConfiguredAuthority,
    FakeAuthority,
    LinkAnswer,
    inspect_authority,
    load_authority_configuration,
)
from ekyc.chip.authority.configuration import MAX_CONFIGURATION_BYTES, Signature
from ekyc.chip.authority.signature import split_members, verify_answer
from ekyc.errors import EkycError, InputError, TrustError, UpstreamError
from ekyc.outcomes import Outcome, reason_registry
from ekyc.pki import TrustStore
from ekyc.ports import SystemRandom
from ekyc.testing import FixedClock

CONFIGURATION = """
schema = "ekyc.authority-service/1"
name = "Test service"

[service]
url = "https://authority.example/v1/check?kind=chip"
headers = { "X-Client" = "portal", "X-Secret" = { env = "SERVICE_SECRET" } }

[request]
binary = "base64"
date_format = "%d/%m/%Y"

[request.body]
id = "{request_id}"
purpose = "procedure"
retry = false
person = { number = "{personal_number}", birth = "{birth_date}", text = "N: {full_name}" }
files = ["{EF.SOD}", "{EF.DG14}"]
signer = "{signer_certificate}"

[answer]
request_id = "data.id"
verdict = "data.result"
genuine = [true, "OK"]
not_genuine = [false, "NOK"]
repeats = { "data.number" = "{personal_number}" }

[answer.signature]
form = "FORM"
algorithm = "ALGORITHM"
keys = ["service.pem"]
EXTRA
"""
EXTRAS = {
    "header": 'header = "X-Signature"',
    "detached-jws": 'header = "X-JWS-Signature"',
    "jws": "",
    "member": 'payload = "responds"\nmember = "signature"',
}


@pytest.fixture(scope="module")
def keys():
    return {kind: new_key(kind) for kind in ("RS", "ES")} | {"other": new_key("RS")}


def key_for(keys, algorithm):
    return keys["ES" if algorithm.startswith("ES") else "RS"]


@pytest.fixture
def configure(tmp_path, keys):
    def make(*, form="header", algorithm="RS256", extra=None, pinned=None, edit=lambda text: text):
        pem = public_pem(key_for(keys, algorithm)) if pinned is None else pinned
        (tmp_path / "service.pem").write_bytes(pem)
        text = CONFIGURATION.replace("FORM", form).replace("ALGORITHM", algorithm)
        path = tmp_path / "service.toml"
        path.write_text(edit(text.replace("EXTRA", EXTRAS[form] if extra is None else extra)))
        return load_authority_configuration(path, environment={"SERVICE_SECRET": "hush"})

    return make


class Service:
    """An in-memory link: answers with what ``content`` makes of the request, signed as told."""

    def __init__(
        self, key, *, form="header", algorithm="RS256", content=None, change=None, status=200
    ):
        self._key, self._form, self._algorithm = key, form, algorithm
        self._content = content or (lambda asked: {"data": _echo(asked)})
        self._change = change or (lambda answer: answer)
        self._status = status
        self.requests = []

    def post(self, body, *, content_type):
        assert content_type == "application/json"
        self.requests.append(json.loads(body))
        made = self._content(self.requests[-1])
        content = made if isinstance(made, bytes) else json.dumps(made, indent=1).encode()
        return self._change(self._signed(content))

    def _signed(self, content):
        headers, body = {}, content
        algorithm = self._algorithm
        match self._form:
            case "header":
                import base64

                headers["x-signature"] = base64.b64encode(
                    sign(self._key, algorithm, content)
                ).decode()
            case "detached-jws":
                header, _, signature = compact_jws(self._key, algorithm, content).split(".")
                headers["x-jws-signature"] = f"{header}..{signature}"
            case "jws":
                body = compact_jws(self._key, algorithm, content).encode()
            case "member":
                import base64

                signature = base64.b64encode(sign(self._key, algorithm, content)).decode()
                body = json.dumps(
                    {
                        "noise": [1, {"responds": 2}],
                        "responds": content.decode(),
                        "signature": signature,
                    }
                ).encode()
        return LinkAnswer(status=self._status, headers=headers, body=body)


def _echo(asked, result=True):
    return {"id": asked["id"], "number": asked["person"]["number"], "result": result}


@pytest.fixture(scope="module")
def report(card, trust, clock):
    return inspect_chip(card.files, trust=trust, at=clock.now())


@pytest.fixture
def ask(card, report, clock):
    def run(configuration, link, *, at=clock):
        authority = ConfiguredAuthority(configuration, link, random=SystemRandom(), clock=at)
        return inspect_authority(authority, card.files, report)

    return run


def verdict_of(finding):
    return finding.outcome, finding.reasons


PASSED = (Outcome.PASSED, ())
FORMS = [
    *(("header", name) for name in ("RS256", "RS512", "PS256", "PS384", "ES256", "ES256-DER")),
    *(("detached-jws", name) for name in ("RS256", "PS512", "ES256")),
    *(("jws", name) for name in ("RS384", "ES256")),
    *(("member", name) for name in ("RS256", "ES256-DER")),
]


@pytest.mark.parametrize(("form", "algorithm"), FORMS)
def test_a_signed_yes_passes_in_every_form(configure, keys, ask, form, algorithm):
    service = Service(key_for(keys, algorithm), form=form, algorithm=algorithm)
    finding = ask(configure(form=form, algorithm=algorithm), service)
    assert verdict_of(finding) == PASSED
    assert finding.check.id == CHECK_AUTHORITY
    assert finding.answer.verdict is AuthorityVerdict.GENUINE
    assert finding.answer.request_id == service.requests[0]["id"]
    assert json.loads(finding.answer.signed)["data"]["result"] is True
    assert finding.as_json()["sample"] is False


@pytest.mark.parametrize(("form", "algorithm"), FORMS)
def test_a_foreign_key_signs_nothing_in_any_form(configure, keys, ask, form, algorithm):
    stranger = new_key(algorithm[:2])
    finding = ask(
        configure(form=form, algorithm=algorithm), Service(stranger, form=form, algorithm=algorithm)
    )
    assert verdict_of(finding) == (Outcome.INDETERMINATE, ("authority.bad_signature",))
    assert finding.answer is None


def test_the_request_is_what_the_template_says(configure, keys, ask, card, report):
    service = Service(keys["RS"])
    ask(configure(), service)
    ask(configure(), service)
    first, second = service.requests
    identity = report.identity
    assert first["person"] == {
        "number": identity.personal_number.reveal(),
        "birth": f"{identity.birth_date.reveal():%d/%m/%Y}",
        "text": f"N: {identity.full_name.reveal()}",
    }
    assert first["retry"] is False
    assert [len(file) % 4 for file in first["files"]] == [0, 0]
    assert len(first["id"]) == 32
    assert first["id"] != second["id"]


def test_only_a_signed_no_fails(configure, keys, ask):
    for word in (False, "NOK"):
        service = Service(keys["RS"], content=lambda asked, w=word: {"data": _echo(asked, w)})
        assert verdict_of(ask(configure(), service)) == (
            Outcome.FAILED,
            ("authority.not_genuine",),
        )


@pytest.mark.parametrize("word", [1, 0, "true", None, "ok", [], {}, 1.0])
def test_another_word_is_no_verdict(configure, keys, ask, word):
    service = Service(keys["RS"], content=lambda asked: {"data": _echo(asked, word)})
    assert verdict_of(ask(configure(), service)) == (
        Outcome.INDETERMINATE,
        ("authority.unmapped",),
    )


def test_an_old_answer_does_not_fit(configure, keys, ask):
    old = []
    service = Service(keys["RS"], change=lambda answer: old.append(answer) or old[0])
    assert verdict_of(ask(configure(), service)) == PASSED
    assert verdict_of(ask(configure(), service)) == (
        Outcome.INDETERMINATE,
        ("authority.mismatch",),
    )


def test_no_repeated_text_takes_the_place_of_the_request_id(configure, keys, ask):
    old = []
    service = Service(keys["RS"], change=lambda answer: old.append(answer) or old[0])
    repeats = 'repeats = { "data.id" = "{personal_number}" }'
    configuration = configure(
        edit=lambda text: text.replace('repeats = { "data.number" = "{personal_number}" }', repeats)
    )
    assert verdict_of(ask(configuration, service)) == PASSED
    assert ask(configuration, service).reasons == ("authority.mismatch",)


def test_an_answer_about_another_person_does_not_fit(configure, keys, ask):
    def other(asked):
        return {"data": _echo(asked) | {"number": "001099000000"}}

    assert verdict_of(ask(configure(), Service(keys["RS"], content=other))) == (
        Outcome.INDETERMINATE,
        ("authority.mismatch",),
    )


def test_the_very_bytes_are_signed_not_what_they_mean(configure, keys, ask):
    """Same JSON, other spaces: a verifier that encodes again would not see it."""

    def respaced(answer):
        body = json.dumps(json.loads(answer.body)).encode()
        return LinkAnswer(status=200, headers=answer.headers, body=body)

    finding = ask(configure(), Service(keys["RS"], change=respaced))
    assert verdict_of(finding) == (Outcome.INDETERMINATE, ("authority.bad_signature",))


@pytest.mark.parametrize("form", list(EXTRAS))
def test_one_bit_anywhere_spoils_an_answer(configure, keys, ask, form):
    configuration = configure(form=form)

    def flipped(position):
        def change(answer):
            body = bytearray(answer.body)
            body[position * (len(body) - 1) // 100] ^= 1
            return LinkAnswer(status=200, headers=answer.headers, body=bytes(body))

        return change

    for position in range(0, 101, 5):
        service = Service(keys["RS"], form=form, change=flipped(position))
        finding = ask(configuration, service)
        if finding.outcome is Outcome.PASSED:  # the flip fell on what is not signed
            assert form == "member"
            assert finding.answer.verdict is AuthorityVerdict.GENUINE
        else:
            assert finding.outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize(
    "jws",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"alg": "RS256", "crit": ["b64"], "b64": False},
        {"alg": "RS256", "b64": False},
    ],
)
def test_a_jws_that_names_its_own_rules_is_refused(configure, keys, ask, jws):
    def change(answer):
        _, payload, _ = answer.body.decode().split(".")
        header = base64url(json.dumps(jws).encode())
        signature = base64url(sign(keys["RS"], "RS256", f"{header}.{payload}".encode()))
        body = f"{header}.{payload}.{signature}".encode()
        return LinkAnswer(status=200, headers={}, body=body)

    finding = ask(configure(form="jws"), Service(keys["RS"], form="jws", change=change))
    assert verdict_of(finding) == (Outcome.INDETERMINATE, ("authority.bad_signature",))


def test_a_member_may_be_signed_as_it_stands(configure, keys, ask):
    """Not a string, but an object with its own spaces, between members that nobody signed."""
    import base64

    def change(answer):
        raw = json.loads(answer.body)["responds"]
        signature = base64.b64encode(sign(keys["RS"], "RS256", raw.encode())).decode()
        body = f'{{ "a":[{{"responds":0}}] ,\n "responds" : {raw} , "signature":"{signature}"}} '
        return LinkAnswer(status=200, headers={}, body=body.encode())

    extra = EXTRAS["member"] + '\npayload_form = "raw"'
    service = Service(keys["RS"], form="member", change=change)
    assert verdict_of(ask(configure(form="member", extra=extra), service)) == PASSED


def test_an_unsigned_yes_beside_a_signed_no_is_not_heard(configure, keys, ask):
    def change(answer):
        members = json.loads(answer.body)
        forged = json.loads(members["responds"])
        forged["data"]["result"] = True
        text = json.dumps(members)
        body = f'{{"responds": {json.dumps(json.dumps(forged))}, {text[1:]}'
        return LinkAnswer(status=200, headers={}, body=body.encode())

    service = Service(
        keys["RS"],
        form="member",
        content=lambda asked: {"data": _echo(asked, False)},
        change=change,
    )
    assert verdict_of(ask(configure(form="member"), service)) == (
        Outcome.INDETERMINATE,
        ("authority.answer_malformed",),
    )


@pytest.mark.parametrize("form", list(EXTRAS))
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"\xff", b"{" * 70_000, b"a.b.c", b'{"responds": "x"}']
)
def test_what_is_no_answer_decides_nothing(configure, keys, ask, form, body):
    def change(answer):
        return LinkAnswer(status=200, headers=answer.headers, body=body)

    finding = ask(configure(form=form), Service(keys["RS"], form=form, change=change))
    assert finding.outcome is Outcome.INDETERMINATE
    (reason,) = finding.reasons
    assert reason in {
        "authority.bad_signature",
        "authority.answer_malformed",
        "authority.signature_missing",
    }


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[" * 70_000, b'{"data": NaN}', b'{"a":1,"a":1}']
)
def test_signed_nonsense_decides_nothing(configure, keys, ask, content):
    finding = ask(configure(), Service(keys["RS"], content=lambda asked: content))
    assert verdict_of(finding) == (Outcome.INDETERMINATE, ("authority.answer_malformed",))


def test_a_missing_header_and_an_odd_status_are_named(configure, keys, ask):
    def bare(answer):
        return LinkAnswer(status=200, headers={}, body=answer.body)

    assert ask(configure(), Service(keys["RS"], change=bare)).reasons == (
        "authority.signature_missing",
    )
    for status in (201, 302, 401, 500):
        assert verdict_of(ask(configure(), Service(keys["RS"], status=status))) == (
            Outcome.INDETERMINATE,
            ("authority.status",),
        )


def test_a_pinned_certificate_counts_while_it_is_in_force(configure, keys, ask):
    configuration = configure(pinned=certificate_pem(keys["RS"], at=NOW, days=30))
    hands = FixedClock(NOW)
    assert verdict_of(ask(configuration, Service(keys["RS"]), at=hands)) == PASSED
    for days in (31, -33):
        hands.advance(timedelta(days=days))
        assert verdict_of(ask(configuration, Service(keys["RS"]), at=hands)) == (
            Outcome.INDETERMINATE,
            ("authority.key_outside_validity",),
        )


def test_one_of_several_pinned_keys_is_enough(configure, keys, ask, tmp_path):
    (tmp_path / "next.pem").write_bytes(public_pem(keys["other"]))
    both = 'keys = ["service.pem", "next.pem"]'
    configuration = configure(edit=lambda text: text.replace('keys = ["service.pem"]', both))
    assert verdict_of(ask(configuration, Service(keys["RS"]))) == PASSED
    assert verdict_of(ask(configuration, Service(keys["other"]))) == PASSED


def test_a_certificate_renewed_with_its_key_may_stand_beside_the_old_one(
    configure, keys, ask, tmp_path
):
    (tmp_path / "next.pem").write_bytes(certificate_pem(keys["RS"], at=NOW, days=60))
    configuration = configure(
        pinned=certificate_pem(keys["RS"], at=NOW, days=1),
        edit=lambda text: text.replace('"service.pem"]', '"service.pem", "next.pem"]'),
    )
    later = FixedClock(NOW)
    later.advance(timedelta(days=30))
    assert verdict_of(ask(configuration, Service(keys["RS"]), at=later)) == PASSED


# -- what is asked at all


def test_nothing_is_sent_of_a_document_that_does_not_hold(card, trust, clock, configure, keys):
    service = Service(keys["RS"])
    authority = ConfiguredAuthority(configure(), service, random=SystemRandom(), clock=clock)
    for files in (
        card.with_changed_name().files,
        card.files.without(ElementaryFile.SOD),
        card.files.without(ElementaryFile.DG1, ElementaryFile.DG13),
    ):
        found = inspect_authority(
            authority, files, inspect_chip(files, trust=trust, at=clock.now())
        )
        assert verdict_of(found) == (Outcome.NOT_PERFORMED, ("authority.nothing_to_ask",))
    assert service.requests == []


def test_nothing_is_sent_of_a_document_whose_signer_is_refuted(
    card, report, clock, configure, keys
):
    service = Service(keys["RS"])
    authority = ConfiguredAuthority(configure(), service, random=SystemRandom(), clock=clock)
    refuted = tuple(
        replace(check, outcome=Outcome.FAILED, reasons=("chip.chain_invalid",))
        if check.id == "chip.chain"
        else check
        for check in report.checks
    )
    found = inspect_authority(authority, card.files, replace(report, checks=refuted))
    assert verdict_of(found) == (Outcome.NOT_PERFORMED, ("authority.nothing_to_ask",))
    assert service.requests == []


def test_a_document_that_lacks_an_input_is_not_asked_about(card, trust, clock, configure, keys):
    service = Service(keys["RS"])
    authority = ConfiguredAuthority(configure(), service, random=SystemRandom(), clock=clock)
    files = card.files.without(ElementaryFile.DG14)
    found = inspect_authority(authority, files, inspect_chip(files, trust=trust, at=clock.now()))
    assert verdict_of(found) == (Outcome.NOT_PERFORMED, ("authority.input_missing",))
    assert service.requests == []


def test_without_an_anchor_the_service_may_still_be_asked(card, clock, configure, keys):
    report = inspect_chip(card.files, trust=TrustStore(), at=clock.now())
    authority = ConfiguredAuthority(
        configure(), Service(keys["RS"]), random=SystemRandom(), clock=clock
    )
    assert verdict_of(inspect_authority(authority, card.files, report)) == PASSED


def test_no_service_is_not_performed(card, report):
    found = inspect_authority(None, card.files, report)
    assert verdict_of(found) == (Outcome.NOT_PERFORMED, ("authority.not_configured",))
    assert found.as_json() is None


@pytest.mark.parametrize(
    "error",
    [
        UpstreamError("x", code="authority.unreachable"),
        UpstreamError("x", code="authority.timeout"),
        UpstreamError("x", code="authority.answer_too_large"),
        TrustError("x", code="authority.mismatch"),
    ],
)
def test_a_service_that_cannot_be_asked_decides_nothing(card, report, error):
    found = inspect_authority(FakeAuthority(error=error), card.files, report)
    assert found.outcome is Outcome.INDETERMINATE
    assert found.reasons == (error.code, "authority.fake")
    assert set(found.reasons) <= set(reason_registry())


def test_the_fake_says_that_it_is_one(card, report):
    for verdict, outcome in (
        (AuthorityVerdict.GENUINE, Outcome.PASSED),
        (AuthorityVerdict.NOT_GENUINE, Outcome.FAILED),
    ):
        found = inspect_authority(FakeAuthority(verdict), card.files, report)
        assert found.outcome is outcome
        assert "authority.fake" in found.reasons
        assert found.sample
        assert "FAKE" in found.name
        assert found.as_json()["sample"] is True


def test_nothing_shows_persons_or_secrets(configure, keys, ask, report):
    configuration = configure()
    service = Service(keys["RS"])
    finding = ask(configuration, service)
    shown = repr(finding) + repr(configuration) + repr(finding.as_json())
    assert "hush" not in shown
    assert report.identity.personal_number.reveal() not in shown


# -- the configuration


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://", "http://"),
        ("https://authority", "https://me:pw@authority"),
        ('id = "{request_id}"', 'id = "fixed"'),
        ("{personal_number}", "{password}"),
        ("{full_name}", "{files}"),
        ("retry = false", "retry = nan"),
        ("retry = false", "retry = 2026-01-01"),
        ("purpose", "purpose = 1\npurpose"),
        ("[request]", "[request]\nunknown = 1"),
        ('genuine = [true, "OK"]', "genuine = []"),
        ('not_genuine = [false, "NOK"]', 'not_genuine = ["OK"]'),
        ("service.pem", "absent.pem"),
        ("RS256", "none"),
        ("RS256", "HS256"),
        ('form = "header"', 'form = "jws"'),
        ('header = "X-Signature"', ""),
        ('header = "X-Signature"', 'header = "X Y"'),
        ('"portal"', '"portal\\r\\nEvil: 1"'),
        ("SERVICE_SECRET", "UNSET"),
        ("ekyc.authority-service/1", "ekyc.authority-service/2"),
        ("schema", "sch\x00ema"),
    ],
)
def test_a_description_that_cannot_be_meant_is_refused(configure, old, new):
    def edit(text):
        assert old in text
        return text.replace(old, new)

    with pytest.raises(InputError) as error:
        configure(edit=edit)
    assert error.value.code == "authority.config"
    assert "hush" not in str(error.value)


@pytest.mark.parametrize(
    "pinned", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
)
def test_a_key_that_is_none_is_refused(configure, pinned):
    with pytest.raises(InputError) as error:
        configure(pinned=pinned)
    assert (error.value.code, error.value.subject) == ("authority.config", "service.pem")


def test_a_short_key_and_a_private_one_are_refused(configure, keys):
    from authority_service import private_pem

    for pinned in (public_pem(new_key("RS", 1024)), private_pem(keys["RS"])):
        with pytest.raises(InputError):
            configure(pinned=pinned)


def test_a_description_is_bounded(tmp_path):
    path = tmp_path / "huge.toml"
    path.write_bytes(b"#" * (MAX_CONFIGURATION_BYTES + 1))
    with pytest.raises(InputError):
        load_authority_configuration(path, environment=os.environ)
    with pytest.raises(InputError):
        load_authority_configuration(tmp_path / "absent.toml", environment={})


def test_the_published_example_is_a_description(tmp_path, keys, repository_root):
    example = (repository_root / "docs" / "national-service.example.toml").read_text(
        encoding="utf-8"
    )
    (tmp_path / "service.toml").write_text(example, encoding="utf-8")
    (tmp_path / "service-signing.pem").write_bytes(public_pem(keys["RS"]))
    configuration = load_authority_configuration(
        tmp_path / "service.toml", environment={"NATIONAL_SERVICE_KEY": "hush"}
    )
    assert configuration.endpoint.headers["X-Client-Key"] == "hush"
    assert configuration.answer.signature.form == "member"


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode), st.text(max_size=60))
def test_any_answer_gives_a_typed_error(body, header):
    answer = LinkAnswer(status=200, headers={"x": header}, body=body)
    for form, extra in (
        ("header", {"header": "X", "encoding": "hex"}),
        ("header", {"header": "X"}),
        ("detached-jws", {"header": "X"}),
        ("jws", {}),
        ("member", {"member": "a", "payload": "b", "payload_form": "raw"}),
    ):
        place = Signature(form=form, algorithm="RS256", keys=["k"], **extra)
        with pytest.raises(EkycError) as error:
            verify_answer(answer, place, (), at=NOW)
        assert error.value.code.startswith("authority.")


# -- the splitter

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values, max_size=5), st.sampled_from([None, 1, "\t"]))
def test_members_are_split_as_they_stand(members, indent):
    text = json.dumps(members, indent=indent, ensure_ascii=False)
    found = split_members(f" \n{text}\r\n")
    assert {name: value for name, (value, _) in found.items()} == members
    assert all(json.loads(raw) == value and raw in text for value, raw in found.values())


@given(st.text(alphabet='{}[]",:\\u0019 \n-.eEtrufalsn', max_size=40))
def test_the_splitter_takes_no_more_than_json_does(text):
    try:
        found = split_members(text)
    except EkycError as error:
        assert error.code == "authority.answer_malformed"
        return
    assert json.loads(text) == {name: value for name, (value, _) in found.items()}
