"""The fuzz targets without a fuzzer: seeds, the kept corpus, and mutations of both, the same ones every time."""

import random

import pytest
from fuzz_targets import SLOW, TARGETS, corpus, seeds

MUTATIONS = 400
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0x81, 0x84, 0xA0, 0xFF, 0x30, 0x5F)


def mutated(data, dice):
    """A few octets changed, cut, doubled or moved."""
    content = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(content) + 1)
        end = min(len(content), at + dice.randint(1, 8))
        match dice.randrange(5):
            case 0 if at < len(content):
                content[at] = dice.choice(INTERESTING)
            case 1 if at < len(content):
                content[at] ^= 1 << dice.randrange(8)
            case 2:
                del content[at:end]
            case 3:
                content[at:at] = content[at:end] * dice.randint(1, 3)
            case _:
                content[at:end] = dice.randbytes(dice.randint(0, 4))
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_corpus(name):
    for data in (b"", *seeds()[name], *corpus(name)):
        TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name):
    dice = random.Random(name)
    pool = [*seeds()[name], *corpus(name)]
    for _ in range(MUTATIONS // 40 if name in SLOW else MUTATIONS):
        TARGETS[name](mutated(dice.choice(pool), dice))


@pytest.mark.parametrize("name", TARGETS)
def test_truncation(name):
    places = 4 if name in SLOW else 200
    for seed in seeds()[name]:
        for end in range(0, len(seed), max(1, len(seed) // places)):
            TARGETS[name](seed[:end])
