"""Statements of Play Integrity and App Attest: the good one counts, every other is refuted or decides nothing.

The tokens are made by primitives (tests/support/client_statements.py), so no library checks itself.
"""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from client_statements import APP_ID, CERTIFICATE, CHALLENGE, NOW, PACKAGE, Apple, PlayConsole, b64
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ekyc.errors import InputError
from ekyc.liveness.active import AttestationKind, AttestationVerdict, check_client
from ekyc.liveness.active.app_attest import DEVELOPMENT, AppAttestApp, AppAttestVerifier
from ekyc.liveness.active.attestation import attestation_challenge
from ekyc.liveness.active.attestors import PlatformAttestor, load_attestor
from ekyc.liveness.active.play_integrity import PlayIntegrityApp, PlayIntegrityVerifier
from ekyc.outcomes import Outcome
from ekyc.testing import FixedClock

GENUINE, REFUTED, UNKNOWN = (
    AttestationVerdict.GENUINE,
    AttestationVerdict.REFUTED,
    AttestationVerdict.UNKNOWN,
)
CONSOLE, APPLE = PlayConsole(), Apple()
PLAY_APP = PlayIntegrityApp(
    package=PACKAGE,
    certificate_sha256=frozenset({CERTIFICATE}),
    decryption_key=CONSOLE.decryption_key,
    verification_key_der=CONSOLE.verification_key,
)
APPLE_APP = AppAttestApp(app_id=APP_ID, root_pem=APPLE.root_pem)
PLAY = PlayIntegrityVerifier(PLAY_APP, FixedClock(NOW))
ATTEST = AppAttestVerifier(APPLE_APP, FixedClock(NOW))


def ago(**span):
    return {"timestampMillis": str(int((NOW - timedelta(**span)).timestamp() * 1000))}


# -- Play Integrity


def test_a_good_verdict_counts_in_both_kinds_of_request():
    assert PLAY.verify(CONSOLE.token(CONSOLE.verdict()), CHALLENGE) is GENUINE
    classic = {"requestHash": None, "nonce": base64.urlsafe_b64encode(CHALLENGE).decode()}
    assert PLAY.verify(CONSOLE.token(CONSOLE.verdict(request=classic)), CHALLENGE) is GENUINE


VERDICTS = {
    "another session's challenge": ({"request": {"requestHash": b64(bytes(32)).decode()}}, REFUTED),
    "no challenge": ({"request": {"requestHash": None}}, REFUTED),
    "two challenges": ({"request": {"nonce": "AAAA"}}, REFUTED),
    "a challenge that is no text": (
        {"request": {"requestHash": [b64(CHALLENGE).decode()]}},
        REFUTED,
    ),
    "asked for another app": ({"request": {"requestPackageName": "vn.other"}}, REFUTED),
    "an old verdict": ({"request": ago(minutes=11)}, REFUTED),
    "a verdict from the future": ({"request": ago(minutes=-5)}, REFUTED),
    "no time": ({"request": {"timestampMillis": "soon"}}, REFUTED),
    "an app that Play does not know": (
        {"app": {"appRecognitionVerdict": "UNRECOGNIZED_VERSION"}},
        REFUTED,
    ),
    "another app": ({"app": {"packageName": "vn.other"}}, REFUTED),
    "packed anew": ({"app": {"certificateSha256Digest": [b64(bytes(32)).decode()]}}, REFUTED),
    "signed by one more": (
        {"app": {"certificateSha256Digest": [CERTIFICATE, b64(bytes(32)).decode()]}},
        REFUTED,
    ),
    "signed by nobody": ({"app": {"certificateSha256Digest": []}}, REFUTED),
    "an app that was not looked at": (
        {"app": {"appRecognitionVerdict": "UNEVALUATED", "packageName": None}},
        UNKNOWN,
    ),
    "a device that nobody vouches for": ({"device": {"deviceRecognitionVerdict": None}}, UNKNOWN),
    "a weaker label": (
        {"device": {"deviceRecognitionVerdict": ["MEETS_BASIC_INTEGRITY"]}},
        UNKNOWN,
    ),
}


@pytest.mark.parametrize("what", VERDICTS)
def test_every_other_verdict_does_not_count(what):
    changes, expected = VERDICTS[what]
    assert PLAY.verify(CONSOLE.token(CONSOLE.verdict(**changes)), CHALLENGE) is expected


FORGED = {
    "encrypted for another app": lambda: PlayConsole().token(CONSOLE.verdict()),
    "signed by somebody else": lambda: CONSOLE.token(
        CONSOLE.verdict(), signer=ec.generate_private_key(ec.SECP256R1())
    ),
    "not signed": lambda: CONSOLE.sealed(
        b64(b'{"alg":"none"}') + b"." + b64(b'{"requestDetails":{}}') + b"."
    ),
    "another algorithm named": lambda: CONSOLE.token(CONSOLE.verdict(), signing="HS256"),
    "compressed": lambda: CONSOLE.token(
        CONSOLE.verdict(), header={"alg": "A256KW", "enc": "A256GCM", "zip": "DEF"}
    ),
    "another encryption named": lambda: CONSOLE.token(
        CONSOLE.verdict(), header={"alg": "dir", "enc": "A256GCM"}
    ),
    "no verdict inside": lambda: CONSOLE.token(b"[]"),
    "nested without end": lambda: CONSOLE.token(b"[" * 100_000),
    "parts that are none": lambda: CONSOLE.token(
        b'{"requestDetails": [], "appIntegrity": 1, "deviceIntegrity": null}'
    ),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_is_refuted(how):
    assert PLAY.verify(FORGED[how](), CHALLENGE) is REFUTED


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_token_raises(noise, at):
    token = CONSOLE.token(CONSOLE.verdict())
    spoilt = token[:at] + noise + token[at + len(noise) :]
    assert PLAY.verify(noise, CHALLENGE) is REFUTED
    assert PLAY.verify(spoilt, CHALLENGE) is (GENUINE if spoilt == token else REFUTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"decryption_key": bytes(16)},
        {"verification_key_der": b"no key"},
        {
            "verification_key_der": ec.generate_private_key(ec.SECP384R1())
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        },
    ],
)
def test_keys_that_are_none_are_named(changes):
    with pytest.raises(InputError) as caught:
        PlayIntegrityVerifier(replace(PLAY_APP, **changes), FixedClock(NOW))
    assert caught.value.code == "liveness.attestation_keys_invalid"


# -- App Attest


def test_a_good_object_counts():
    assert ATTEST.verify(APPLE.object(), CHALLENGE) is GENUINE


OBJECTS = {
    "another challenge": lambda: APPLE.object(challenge=bytes(32)),
    "another app": lambda: APPLE.object(app_id="TEAM123456.vn.other"),
    "a key that was used before": lambda: APPLE.object(counter=1),
    "the development service": lambda: APPLE.object(aaguid=DEVELOPMENT),
    "another authenticator": lambda: APPLE.object(aaguid=bytes(16)),
    "another nonce in the certificate": lambda: APPLE.object(nonce=bytes(32)),
    "another key's id": lambda: APPLE.object(key_id=bytes(32)),
    "an empty id": lambda: APPLE.object(key_id=b""),
    "an expired certificate": lambda: APPLE.object(days=-0.5),
    "another root": lambda: Apple().object(),
    "signed by another authority": lambda: APPLE.object(signer=Apple().issuer_key),
    "an authority that is none": lambda: APPLE.object(authority=APPLE.powerless_authority()),
    "an authority as credential": lambda: APPLE.object(leaf_depth=0),
    "one certificate": lambda: APPLE.object(chain=(APPLE.issuer,)),
    "three certificates": lambda: APPLE.object(chain=(APPLE.issuer,) * 3),
    "no certificate": lambda: APPLE.object(chain=()),
    "another format": lambda: APPLE.object(fmt="none"),
    "data that are none": lambda: APPLE.object(data=b""),
    "text for data": lambda: APPLE.object(data="text"),
    "nothing": lambda: b"",
    "a number": lambda: b"\x01",
    "nested without end": lambda: b"\x81" * 60_000,
    "a length without content": lambda: b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
}


@pytest.mark.parametrize("what", OBJECTS)
def test_every_other_object_is_refuted(what):
    assert ATTEST.verify(OBJECTS[what](), CHALLENGE) is REFUTED


def test_keys_of_the_development_service_count_where_they_are_allowed():
    allowing = AppAttestVerifier(replace(APPLE_APP, development=True), FixedClock(NOW))
    assert allowing.verify(APPLE.object(aaguid=DEVELOPMENT), CHALLENGE) is GENUINE


@given(st.binary(max_size=40), st.integers(0, 2000))
def test_no_object_raises(noise, at):
    good = GOOD_OBJECT
    spoilt = good[:at] + noise + good[at + len(noise) :]
    ATTEST.verify(noise, CHALLENGE)
    ATTEST.verify(spoilt, CHALLENGE)


GOOD_OBJECT = APPLE.object()


# -- both, as an operator describes them


@pytest.fixture
def described(tmp_path):
    def write(text):
        (tmp_path / "root.pem").write_bytes(APPLE.root_pem)
        path = tmp_path / "attestation.toml"
        path.write_text(text)
        return load_attestor(path, FixedClock(NOW))

    return write


PLAY_TABLE = f"""
[play_integrity]
package = "{PACKAGE}"
certificate_sha256 = ["{CERTIFICATE}="]
decryption_key = "{base64.b64encode(CONSOLE.decryption_key).decode()}"
verification_key = "{base64.b64encode(CONSOLE.verification_key).decode()}"
"""
APPLE_TABLE = f"""
[app_attest]
app_id = "{APP_ID}"
root = "root.pem"
"""


def test_a_description_gives_the_verifiers(described):
    both = described(PLAY_TABLE + APPLE_TABLE)
    token, made = CONSOLE.token(CONSOLE.verdict()), APPLE.object()
    assert both.verify(AttestationKind.PLAY_INTEGRITY, token, CHALLENGE) is GENUINE
    assert both.verify(AttestationKind.APP_ATTEST, made, CHALLENGE) is GENUINE
    assert both.verify(AttestationKind.APP_ATTEST, token, CHALLENGE) is REFUTED
    one = described(APPLE_TABLE)
    assert one.verify(AttestationKind.PLAY_INTEGRITY, token, CHALLENGE) is UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no toml",
        "[other]\n",
        "[app_attest]\n",
        PLAY_TABLE.replace("package", "packet"),
        PLAY_TABLE.replace('decryption_key = "', 'decryption_key = "*'),
        APPLE_TABLE.replace("root.pem", "absent.pem"),
        APPLE_TABLE + 'development = "yes"\n',
        "app_attest = 1\n",
    ],
)
def test_a_description_that_is_none_is_named_and_not_repeated(described, text):
    with pytest.raises(InputError) as caught:
        described(text)
    assert caught.value.code.startswith("liveness.attestation_")
    assert base64.b64encode(CONSOLE.decryption_key).decode() not in str(caught.value)


def test_a_statement_counts_for_its_own_session_only():
    attestor = PlatformAttestor(play_integrity=PLAY, app_attest=ATTEST)
    mine, other = bytes(16), bytes([1] * 16)
    made = APPLE.object(challenge=attestation_challenge(mine, b"key"))
    statement = (AttestationKind.APP_ATTEST, made)
    passed = check_client(attestor, statement, session_id=mine, key=b"key")
    assert passed.outcome is Outcome.PASSED
    for session_id, key in ((other, b"key"), (mine, b"another key")):
        failed = check_client(attestor, statement, session_id=session_id, key=key)
        assert (failed.outcome, failed.reasons) == (
            Outcome.FAILED,
            ("liveness.attestation_refuted",),
        )


def test_keys_stay_out_of_the_description():
    assert CONSOLE.decryption_key.hex() not in repr(PLAY_APP)
    assert repr(CONSOLE.decryption_key) not in repr(PLAY_APP)
