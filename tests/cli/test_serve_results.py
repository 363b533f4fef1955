"""What ``ekyc serve`` and ``ekyc verify`` take for results: all that belongs together, or a typed error at the start."""

from __future__ import annotations

import credential_desk
import pytest
from credential_desk import ISSUER, Registry

from ekyc.cli.serve_results import opened_publication
from ekyc.cli.state import open_result_issuer
from ekyc.errors import BusyError, InputError
from ekyc.ports import SystemClock
from ekyc.signing import DerivationCost
from ekyc.signing.credentials import read_trust_list
from ekyc.signing.keys.algorithms import SignatureAlgorithm
from ekyc.signing.keys.software import EmbeddedKeys
from ekyc.storage import Storage


@pytest.fixture
def storage(tmp_path):
    with Storage.open(tmp_path / "state.sqlite3") as opened:
        yield opened


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setenv("EKYC_KEY_PASSPHRASE", "mật khẩu")
    folder = tmp_path / "keys"
    cheap = DerivationCost(iterations=1, lanes=1, memory_kib=8)
    EmbeddedKeys.create(folder, "mật khẩu", cost=cheap).generate(
        "one", SignatureAlgorithm.ECDSA_P256
    )
    return folder


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(credential_desk, "NOW", SystemClock().now())
    return Registry()


@pytest.fixture
def trust(tmp_path, registry):
    listed, key = tmp_path / "trust.jwt", tmp_path / "operator.pem"
    listed.write_text(registry.signed_trust_list())
    key.write_bytes(registry.operator.public.pem())
    return {"trust_list": listed, "operator_key": key}


NOTHING = {"issuer": None, "keys": None, "label": None, "trust_list": None, "operator_key": None}


def test_nothing_named_is_nothing_published(storage):
    assert opened_publication(storage, **NOTHING) is None
    assert open_result_issuer(None, None, None, storage, None) is None


def test_each_half_alone_and_both_together(storage, keys, trust, registry):
    signing = {"issuer": ISSUER, "keys": keys, "label": "one"}
    for named in (signing, trust, signing | trust):
        publication = opened_publication(storage, **(NOTHING | named))
        assert publication is not None
        if "trust_list" in named:
            text = publication.trust_list().body.decode()
            read_trust_list(text).verify(registry.operator.public)
        else:
            with pytest.raises(InputError) as caught:
                publication.trust_list()
            assert caught.value.code == "credential.not_published"


@pytest.mark.parametrize("missing", ["issuer", "keys", "label", "trust_list", "operator_key"])
def test_what_belongs_together_comes_together(storage, keys, trust, missing):
    named = {"issuer": ISSUER, "keys": keys, "label": "one", **trust, missing: None}
    with pytest.raises(InputError):
        opened_publication(storage, **named)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_issuer_has_a_name_and_a_key(storage, keys, tmp_path, missing):
    named = [ISSUER, keys, "one"]
    service_key = tmp_path / "service.key"
    issuer = open_result_issuer(*named, storage, service_key)
    assert issuer is not None
    assert issuer.series == f"{ISSUER}/tt"
    named[missing] = None
    with pytest.raises(InputError):
        open_result_issuer(*named, storage, service_key)


def test_a_list_by_another_operator_is_told_at_the_start(storage, trust):
    trust["operator_key"].write_bytes(Registry().operator.public.pem())
    with pytest.raises(BusyError) as caught:
        opened_publication(storage, **(NOTHING | trust))
    assert caught.value.code == "credential.trust_list_unusable"
