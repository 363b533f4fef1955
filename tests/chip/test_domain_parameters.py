import json
from collections import Counter

import pytest
from chip_links import QueuedRandom
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from ekyc.chip.ciphers import AES128, AES192, AES256
from ekyc.chip.domain_parameters import STANDARD_GROUPS, DhGroup, EcGroup
from ekyc.chip.pace_mapping import map_integrated
from ekyc.errors import ChipError, InputError
from ekyc.pki.curves import CURVES
from ekyc.pki.keys import parse_public_key
from ekyc.ports import SystemRandom

MODP = (0, 1, 2)
CURVES_OF_PACE = tuple(range(8, 19))
INTEGRATED = tuple(number for number in STANDARD_GROUPS if number != 10)
"""P-224 has p = 1 modulo 4: the standard does not use it with integrated mapping."""
scalars = st.integers(2, 1 << 150)


@pytest.fixture(params=sorted(STANDARD_GROUPS))
def group(request):
    return STANDARD_GROUPS[request.param]


def _is_probably_prime(number):
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7, 11, 13, 17))


def test_the_table_is_that_of_the_standard():
    """ICAO 9303-11 §9.5.1; each row by the size of its field and of its order."""
    sizes = {
        number: (group.field_prime.bit_length(), group.order.bit_length())
        for number, group in STANDARD_GROUPS.items()
    }
    assert sizes == {0: (1024, 160), 1: (2048, 224), 2: (2048, 256)} | {
        number: (bits, bits)
        for number, bits in zip(
            CURVES_OF_PACE, (192, 192, 224, 224, 256, 256, 320, 384, 384, 512, 521), strict=True
        )
    }


@pytest.mark.parametrize("number", MODP)
def test_modp_groups_are_groups(number):
    group = STANDARD_GROUPS[number]
    assert _is_probably_prime(group.p)
    assert _is_probably_prime(group.q)
    assert (group.p - 1) % group.q == 0
    assert pow(group.g, group.q, group.p) == 1 != group.g


def test_two_sides_agree(group):
    ours, theirs = group.private_key(SystemRandom()), group.private_key(SystemRandom())
    our_public = group.decode(group.encode(group.multiply(ours, group.generator)))
    their_public = group.decode(group.encode(group.multiply(theirs, group.generator)))
    secret = group.shared_secret(ours, their_public)
    assert secret == group.shared_secret(theirs, our_public)
    assert len(secret) == (group.field_prime.bit_length() + 7) // 8


def test_the_secret_is_the_coordinate_of_the_product(group):
    """Two ways: through ``cryptography`` where it knows the curve, and by our own arithmetic."""
    public = group.multiply(12345, group.generator)
    product = group.encode(group.multiply(98765, public))
    size = (group.field_prime.bit_length() + 7) // 8
    expected = product[1 : 1 + size] if isinstance(group, EcGroup) else product
    assert group.shared_secret(98765, public) == expected


@given(first=scalars, second=scalars)
@pytest.mark.parametrize("number", [0, 10, 11, 13])
def test_multiples_add_up(number, first, second):
    group = STANDARD_GROUPS[number]
    left = group.add(
        group.multiply(first, group.generator), group.multiply(second, group.generator)
    )
    assert left == group.multiply((first + second) % group.order, group.generator)


def test_doubling_is_adding_to_itself(group):
    assert group.add(group.generator, group.generator) == group.multiply(2, group.generator)


def test_neutral_elements_are_refused(group):
    inverse = group.multiply(group.order - 1, group.generator)
    for make in (
        lambda: group.add(group.generator, inverse),
        lambda: group.multiply(group.order, group.generator),
        lambda: group.multiply(0, group.generator),
    ):
        with pytest.raises(ChipError) as error:
            make()
        assert error.value.code == "chip.key_agreement"


@pytest.mark.parametrize("number", CURVES_OF_PACE)
def test_points_from_outside_must_lie_on_the_curve(number):
    group = STANDARD_GROUPS[number]
    encoded = group.encode(group.generator)
    flipped = encoded[:-1] + bytes((encoded[-1] ^ 1,))
    compressed = b"\x02" + encoded[1 : 1 + group.curve.octets]
    for damaged in (
        b"",
        b"\x00",
        flipped,
        encoded[:-1],
        encoded + b"\x00",
        compressed,
        b"\x04" + bytes(len(encoded) - 1),
    ):
        with pytest.raises(ChipError):
            group.decode(damaged)


@pytest.mark.parametrize("number", MODP)
def test_numbers_from_outside_must_lie_in_the_subgroup(number):
    group = STANDARD_GROUPS[number]
    outside = next(
        candidate for candidate in range(2, 100) if pow(candidate, group.q, group.p) != 1
    )
    for damaged in (0, 1, group.p - 1, group.p, group.p + group.g, outside):
        with pytest.raises(ChipError):
            group.decode(damaged.to_bytes(group.octets + 1, "big"))


def test_a_group_without_known_order_refuses_the_integrated_mapping():
    group = DhGroup(p=STANDARD_GROUPS[0].p, g=STANDARD_GROUPS[0].g)
    with pytest.raises(ChipError):
        group.map_number(5)


def test_private_keys_are_drawn_by_rejection():
    group = STANDARD_GROUPS[13]
    too_large, good = group.order.to_bytes(32, "big"), (5).to_bytes(32, "big")
    assert group.private_key(QueuedRandom(bytes(32), too_large, good)) == 5
    p521 = STANDARD_GROUPS[18]
    assert p521.private_key(QueuedRandom(b"\xfe" + bytes(64) + b"\x07")) == 7


def test_a_stuck_generator_is_noticed():
    class Zeros:
        def token_bytes(self, count):
            return bytes(count)

    with pytest.raises(ChipError) as error:
        STANDARD_GROUPS[13].private_key(Zeros())
    assert error.value.code == "chip.key_agreement"


@given(nonce=st.binary(min_size=32, max_size=32), terminal=st.binary(min_size=32, max_size=32))
@pytest.mark.parametrize(
    "number", [number for number in INTEGRATED if number in (0, 8, 12, 14, 17)]
)
def test_the_integrated_mapping_lands_in_the_group(number, nonce, terminal):
    group = STANDARD_GROUPS[number]
    for suite, size in ((AES128, 16), (AES192, 24), (AES256, 32)):
        element = map_integrated(group, suite, nonce[: 16 if size == 16 else 32], terminal[:size])
        assert group.decode(group.encode(element)) == element


def test_the_integrated_mapping_knows_where_it_has_no_result():
    for group, number in (
        (STANDARD_GROUPS[10], 5),
        (STANDARD_GROUPS[13], 0),
        (STANDARD_GROUPS[13], 1),
    ):
        with pytest.raises(ChipError):
            group.map_number(number)


# -- Wycheproof


def _wycheproof(shared_data, name):
    content = json.loads((shared_data / "chip/wycheproof" / f"{name}_test.json").read_text())
    return [(group, test) for group in content["testGroups"] for test in group["tests"]]


@pytest.mark.shared_data
@pytest.mark.parametrize("curve", ["brainpoolP224r1", "brainpoolP256r1", "brainpoolP320r1"])
def test_ecdh_agrees_with_wycheproof(shared_data, curve):
    """One difference in each file, and it is counted: an absent cofactor is taken as 1 on purpose (``find_curve``)."""
    group = EcGroup(next(item for item in CURVES if item.name == curve))
    seen, differing = Counter(), []
    for _, test in _wycheproof(shared_data, f"ecdh_{curve}"):
        private = int(test["private"], 16) % group.order
        try:
            key = parse_public_key(bytes.fromhex(test["public"]))
            assert key.curve == group.curve
            agreed = group.shared_secret(private, key.point).hex() == test["shared"]
        except (InputError, ChipError, AssertionError, AttributeError):
            agreed = False
        seen[test["result"], agreed] += 1
        if agreed and test["result"] == "invalid":
            differing.append(test["flags"])
        forged = {"WrongOrder", "ModifiedGenerator", "ModifiedCofactor"} & set(test["flags"])
        assert not (forged and agreed), test["comment"]
    assert seen["valid", False] == 0
    assert differing == [["NoCofactor", "InvalidPublic", "UnnamedCurve"]]
    assert seen["valid", True] > 200


@pytest.mark.shared_data
def test_aes_cmac_agrees_with_wycheproof(shared_data):
    """Cut to eight octets: a wrong tag whose first half is right cannot be told here, and no other one passes."""
    suites = {128: AES128, 192: AES192, 256: AES256}
    seen = Counter()
    for group, test in _wycheproof(shared_data, "aes_cmac"):
        suite = suites.get(group["keySize"])
        if suite is None:
            assert test["flags"] == ["InvalidKeySize"]
            continue
        key, message = bytes.fromhex(test["key"]), bytes.fromhex(test["msg"])
        same = suite.token(key, message).hex() == test["tag"][:16]
        seen[test["result"], same] += 1
        if same and test["result"] == "invalid":
            whole = CMAC(AES(key))
            whole.update(message)
            assert whole.finalize().hex()[16:] != test["tag"][16:]  # it differs in the half cut off
    assert seen["valid", False] == 0
    assert seen["valid", True] > 50
    assert seen["invalid", False] > 50
    assert seen["invalid", True] + seen["invalid", False] == 3 * 81
