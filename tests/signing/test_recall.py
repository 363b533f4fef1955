"""What left under an activation, asked for again: the same signatures, without the key, and of nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from activation_desk import EC, RSA, SOMEBODY_ELSE, A, B, C, Desk, document
from sam_desk import CHEAP, SamDesk
from sqlalchemy import select, update

from ekyc.errors import EkycError, InputError, TrustError
from ekyc.ports import SystemRandom
from ekyc.signing.activation.sad_issuer import SadIssuer
from ekyc.signing.keys.algorithms import verify_value
from ekyc.signing.keys.software import EmbeddedKeys, SoftwareKey
from ekyc.storage.signing.released import KEPT_FOR, released_signatures


class CountingKey:
    """A key that tells how often it was used."""

    def __init__(self, inner):
        self._inner, self.used = inner, 0
        self.algorithm, self.public_key_der = inner.algorithm, inner.public_key_der

    def sign_digest(self, digest):
        self.used += 1
        return self._inner.sign_digest(digest)


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    made.key = CountingKey(made.identity.key)
    made.credential = replace(made.credential, identity=replace(made.identity, key=made.key))
    made.module = made.open_module()
    yield made
    made.pilot.close()


def recall(desk, sad, *hashes, credential="c-1", algorithm=EC, module=None):
    return (module or desk.module).recall(
        sad, credential_id=credential, hashes=hashes, algorithm=algorithm
    )


def refusal(desk, *arguments, **options):
    with pytest.raises(EkycError) as caught:
        recall(desk, *arguments, **options)
    return caught.value.code


def test_the_same_signatures_in_any_order_and_the_key_was_used_once_for_each(desk):
    sad = desk.authorise(A, B)
    one, two = desk.sign(sad, B, A)
    assert recall(desk, sad, A, B) == (two, one)
    desk.clock.advance(timedelta(minutes=10))
    assert recall(desk, sad, B, A) == (one, two)
    assert desk.key.used == 2
    verify_value(desk.key.public_key_der, B, one)


def test_whatever_else_is_asked_for_is_refused(desk):
    sad = desk.authorise(A, B)
    desk.sign(sad, A, B)
    for hashes in ((A,), (A, C), (A, B, C), (A, A), ()):
        assert refusal(desk, sad, *hashes) == "activation.hashes"
    assert refusal(desk, sad, A, B, credential="c-2") == "activation.other_credential"
    assert refusal(desk, sad, A, B, algorithm=RSA) == "activation.algorithm"
    assert refusal(desk, desk.authorise(A, B), A, B) == "activation.pending"
    with pytest.raises(EkycError):
        recall(desk, sad[:-4] + "AAAA", A, B)
    assert desk.key.used == 2


def test_the_same_words_signed_anew_are_other_activation_data(desk):
    """What the authorising side may say twice is given for the token that was used, and for no other."""
    draft = desk.issuer.draft(
        desk.credential, [document(A)], evidence=desk.verified(), session=desk.verified().session
    )
    used, other = desk.issuer.sign(draft), desk.issuer.sign(draft)
    assert used != other
    desk.sign(used, A)
    assert refusal(desk, other, A) == "activation.not_kept"
    assert desk.refusal(other, A) == "activation.already_used"


def test_an_issuer_that_is_not_believed_gets_nothing(desk):
    sad = desk.authorise(A)
    desk.sign(sad, A)
    stranger = SadIssuer(
        "portal", key=SoftwareKey.generate(EC), clock=desk.clock, random=SystemRandom()
    )
    draft = stranger.draft(
        desk.credential, [document(A)], evidence=desk.verified(), session=desk.verified().session
    )
    assert refusal(desk, stranger.sign(draft), A) == "jws.untrusted"


def test_what_was_put_in_its_place_is_not_given_out(desk):
    first, second = desk.authorise(A), desk.authorise(B)
    desk.sign(first, A)
    desk.sign(second, B)
    rows = released_signatures.c
    engine, own = desk.storage._engine, rows.sad_digest == digest_of(first)
    with engine.begin() as connection:
        of_b = select(rows.signatures).where(rows.sad_digest == digest_of(second))
        of_another = connection.execute(of_b).scalar_one()
    for put in (of_another, b"[]", b'["AAAA"]'):
        with engine.begin() as connection:
            connection.execute(update(released_signatures).where(own).values(signatures=put))
        assert refusal(desk, first, A) == "signing.key.mismatch"


def test_a_key_that_was_switched_off_gives_nothing_again(desk):
    sad = desk.authorise(A)
    desk.sign(sad, A)

    def off(_):
        raise TrustError("switched off", code="signing.credential.disabled")

    desk.module._credential_of = off
    assert refusal(desk, sad, A) == "signing.credential.disabled"


def test_neither_the_key_nor_its_store_is_needed(tmp_path):
    """Each of the three ends a signature that did not leave, and none that did."""
    desk = SamDesk(tmp_path)
    given = {"credential_id": desk.mine, "algorithm": EC}
    try:
        sad, unused = desk.authorise(A, B), desk.authorise(A)
        with desk.serving() as client:
            one, two = client.sign(sad, hashes=(A, B), **given)
        (tmp_path / "elsewhere").mkdir()
        empty = EmbeddedKeys.create(tmp_path / "elsewhere" / "people", "khác", cost=CHEAP)
        for keys in (empty, Away("signing.hsm.closed"), Away("signing.key.destroyed")):
            desk.keys = keys
            with desk.serving() as client:
                assert client.recall(sad, hashes=(B, A), **given) == (two, one)
                with pytest.raises(EkycError) as refused:
                    client.sign(unused, hashes=(A,), **given)
            assert refused.value.code in {"signing.key.missing", getattr(keys, "code", "")}
        desk.records.disable(desk.mine)
        with desk.serving() as client, pytest.raises(TrustError) as off:
            client.recall(sad, hashes=(A, B), **given)
        assert off.value.code == "signing.credential.disabled"
    finally:
        desk.close()


class Away:
    """A store whose keys cannot be had."""

    protection = None

    def __init__(self, code):
        self.code = code

    def open(self, label):
        raise InputError("not now", code=self.code, subject=label)


def test_it_is_kept_for_a_week(desk):
    sad = desk.authorise(A)
    desk.sign(sad, A)
    desk.clock.advance(KEPT_FOR)
    assert refusal(desk, sad, A) == "activation.not_kept"


def test_of_what_was_refused_nothing_is_kept(desk):
    evidence = replace(desk.verified(), holder=SOMEBODY_ELSE)
    sad = desk.authorise(A, credential=desk.others, evidence=evidence)
    desk.clock.advance(timedelta(seconds=120))
    assert desk.refusal(sad, A, credential="c-2") == "activation.expired"
    assert refusal(desk, sad, A, credential="c-2") == "activation.not_released"
    assert desk.key.used == 0


def digest_of(sad):
    return hashlib.sha256(sad.encode()).hexdigest()
