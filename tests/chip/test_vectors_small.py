"""Numbers of other projects' tests, one function each: key derivation, checksums, recovered messages, offers."""

from __future__ import annotations

import pytest
from chip_vectors import Recorded

from ekyc.chip.active_auth import recover_message
from ekyc.chip.ciphers import AES128, AES192, AES256, DES3, KeyUse
from ekyc.chip.domain_parameters import STANDARD_GROUPS
from ekyc.chip.lds.dg14 import parse_dg14
from ekyc.chip.lds.dg15 import parse_dg15
from ekyc.chip.lds.security_infos import parse_security_infos
from ekyc.chip.protocol_infos import offered_chip_authentication, offered_pace
from ekyc.chip.sim.ciphers import Cipher
from ekyc.errors import ChipError, TrustError

pytestmark = pytest.mark.shared_data


def test_checksums_of_iso_9797(shared_data):
    """The reader's and the card's, which are written apart."""
    values = Recorded(shared_data, "cryptoutils/iso9797_test.go::TestISO9797RetailMacDes").values
    cases = [values[at : at + 3] for at in range(0, len(values), 3)]
    assert len(cases) == 4
    for key, padded, expected in cases:
        assert DES3.mac(key, padded) == expected
        assert Cipher.TRIPLE_DES.checksum(key, padded) == expected


def test_keys_of_access_and_password(shared_data):
    values = Recorded(shared_data, "cryptoutils/kdf_test.go::TestKDF").values
    cases = list(zip(values[::2], values[1::2], strict=True))
    known = [
        (DES3, KeyUse.ENCRYPTION),
        (DES3, KeyUse.MAC),
        (AES128, KeyUse.ENCRYPTION),
        (AES128, KeyUse.MAC),
        (AES128, KeyUse.PASSWORD),
    ]
    for (suite, use), (secret, expected) in zip(known, cases, strict=False):
        assert suite.derive_key(secret, use) == expected
    for suite, (secret, expected) in zip((AES192, AES256), cases[len(known) :], strict=True):
        assert expected in {suite.derive_key(secret, use) for use in KeyUse}


def test_agreed_points(shared_data):
    """Private key and two points of brainpoolP256r1: theirs, and the shared one."""
    values = Recorded(shared_data, "cryptoutils/crypto_utils_test.go::TestDoEcDh").values
    group = STANDARD_GROUPS[13]
    for private, x, y, shared_x, shared_y in (values[:5], values[5:]):
        point = group.decode(b"\4" + x + y)
        number = int.from_bytes(private, "big")
        assert group.encode(group.multiply(number, point)) == b"\4" + shared_x + shared_y
        assert group.shared_secret(number, point) == shared_x


def test_what_real_passports_offer(shared_data):
    offers = {
        "document/card_access_test.go::TestNewCardAccessHappyAT": ["PACE-ECDH-GM-AES-128"],
        "document/card_access_test.go::TestNewCardAccessHappyDE": [
            "PACE-ECDH-CAM-AES-128",
            "PACE-ECDH-GM-AES-128",
        ],
    }
    for name, expected in offers.items():
        infos = parse_security_infos(Recorded(shared_data, name).values[0], subject="test")
        assert [info.name for info in offered_pace(infos)] == expected
        assert infos.unreadable == ()


def test_the_order_of_an_offer_does_not_matter(shared_data):
    recorded = Recorded(shared_data, "pace/pace_test.go::TestSelectPaceConfig")
    names = [
        offered_pace(parse_security_infos(value, subject="test"))[0].name
        for value in recorded.values
    ]
    assert names == ["PACE-ECDH-CAM-AES-256"] * 2


def test_groups_of_real_passports(shared_data):
    dg14 = Recorded(shared_data, "document/dg14_test.go::TestNewDG14AT").values[0]
    (info,) = offered_chip_authentication(parse_dg14(dg14))
    assert (info.name, info.key.key_id) == ("CA-ECDH-AES-128", None)
    dg15 = Recorded(shared_data, "document/dg15_test.go::TestNewDG15").values[0]
    assert parse_dg15(dg15).bits == 1792


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TestNewDG14BadTlv", "chip.tlv.malformed"),
        ("TestNewDG14UnhappyRootTag", "chip.tlv.malformed"),
        ("TestNewDG14UnhappyBadSecInfos", "chip.security_infos_malformed"),
    ],
)
def test_malformed_groups(shared_data, name, code):
    for value in Recorded(shared_data, f"document/dg14_test.go::{name}").values:
        with pytest.raises(ChipError) as caught:
            parse_dg14(value)
        assert caught.value.code == code


def test_zeros_before_a_recovered_message(shared_data):
    """One octet is what an odd modulus leaves; more would let a message float."""
    name = "activeauth/active_auth_test.go::TestDecodeFWithLeadingZeros"
    recorded = Recorded(shared_data, name)
    representative, message = recorded["validData"], recorded["expM1"]
    # The nonce of this example is not printed, so the header alone decides: up to the hash the form is sound.
    for zeros in (0, 1):
        with pytest.raises(TrustError, match="nonce"):
            recover_message(bytes(zeros) + representative, bytes(8))
    with pytest.raises(TrustError, match="form"):
        recover_message(bytes(2) + representative, bytes(8))
    assert message in representative
