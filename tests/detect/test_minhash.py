"""Signatures of texts: as its plain twin computes them, and as good an estimate as theory promises."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tests.detect import naive_minhash as naive
from yoake.detect.kernels import minhash
from yoake.detect.text.fold import fold

TEXTS = [
    "",
    "受",
    "受け",
    "123 456",
    "受け子募集",
    "日給 10万円、即日手渡し\n荷物を運ぶだけ 日給 10万円、即日手渡し",
    "Work from home 😀👍🏽 easy money easy money",
    "𠮷野家で🦀を食べた。" * 30,
]
KEY = bytes(range(16))
WORDS = np.frombuffer(KEY, "<u8").copy()


def test_the_hash_is_siphash() -> None:
    message = bytes(range(16))
    expected = 0x3F2ACC7F57C29BDB  # of the reference implementation
    assert naive.siphash(message, KEY) == expected
    assert naive.siphash(bytes(range(15)), KEY) == 0xA129CA6149BE45E5
    first, second = np.frombuffer(message, "<u8")
    assert int(minhash.keyed_hash(first, second, WORDS)) == expected


def test_kernel_and_twin_agree() -> None:
    folded = fold(pa.array(TEXTS))
    chance = np.random.default_rng(3)
    factors = chance.integers(0, 1 << 63, 8, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = chance.integers(0, 1 << 63, 8, dtype=np.uint64)
    for length in (1, 2, 3, 4):
        hashes, starts, counted = minhash.runs(folded.codes, folded.classes, folded.rows, length, WORDS)
        signatures = minhash.minima(hashes, starts, factors, offsets)
        values = minhash.bands(signatures, 4, WORDS)
        for i in range(len(TEXTS)):
            expected, n = naive.runs(folded.text(i), length, KEY)
            assert hashes[starts[i] : starts[i + 1]].tolist() == expected
            assert counted[i] == n
            assert signatures[i].tolist() == naive.minima(expected, factors.tolist(), offsets.tolist())
            assert values[i].tolist() == naive.bands(signatures[i].tolist(), 4, KEY)


def test_likeness_is_what_two_sets_share() -> None:
    chance = np.random.default_rng(4)
    for _ in range(50):
        one, other = (np.unique(chance.integers(0, 60, chance.integers(0, 50), dtype=np.uint64)) for _ in range(2))
        both = set(one.tolist()) | set(other.tolist())
        shared = set(one.tolist()) & set(other.tolist())
        assert minhash.jaccard(one, other) == (len(shared) / len(both) if both else 0.0)


def test_the_estimate_is_as_good_as_it_should_be() -> None:
    """64 minima estimate a likeness with a standard error of at most 1 / 16; over 300 pairs the mean is nearly exact."""
    chance = np.random.default_rng(5)
    factors = chance.integers(0, 1 << 63, 64, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    offsets = chance.integers(0, 1 << 63, 64, dtype=np.uint64)
    off = []
    for _ in range(300):
        hashes = np.unique(chance.integers(0, 1 << 63, 120, dtype=np.uint64))
        one, other = hashes[:90], hashes[30:]
        starts = np.array([0, len(one), len(one) + len(other)])
        signatures = minhash.minima(np.concatenate([one, other]), starts, factors, offsets)
        off.append(float(minhash.estimated(signatures[0], signatures[1:])[0]) - minhash.jaccard(one, other))
    assert abs(np.mean(off)) < 0.015
    assert np.std(off) < 1 / 15
